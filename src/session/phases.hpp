#pragma once
/// When a task was where on its worker.
#include <chrono>

namespace ez_rknn {

struct Phases {
  using Time = std::chrono::steady_clock::time_point;
  Time start;  ///< the worker takes it up
  Time set;    ///< inputs are set
  Time ran;    ///< rknn_run is over
  Time done;   ///< outputs are there
  std::chrono::nanoseconds run() const { return ran - set; }
};

}  // namespace ez_rknn
