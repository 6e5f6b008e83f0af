#pragma once

namespace ez_rknn {

/// "0.1.0"; follows semantic versioning.
const char* version();

}  // namespace ez_rknn
