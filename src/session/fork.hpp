#pragma once

namespace ez_rknn {

/// Grows by one in the child of every fork. Threads do not survive a fork: what was made in an earlier generation can
/// neither be used nor waited for.
unsigned fork_generation();

}  // namespace ez_rknn
