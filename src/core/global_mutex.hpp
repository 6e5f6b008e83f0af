#pragma once
/// A lock of the whole process that a forked child finds free.
#include <mutex>

namespace ez_rknn {

/// While the process forks, the forking thread holds every mutex of this type: otherwise a child could be born with one
/// that a thread of its parent holds, and nobody would ever let it go. For objects that live as long as the process.
class GlobalMutex : public std::mutex {
 public:
  GlobalMutex();
};

}  // namespace ez_rknn
