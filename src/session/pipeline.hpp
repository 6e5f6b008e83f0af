#pragma once
/// run_pipeline: a window of tasks in flight, one result out for each one in once it is full.
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "ez_rknn/session.hpp"

namespace ez_rknn {

class Pipeline {
 public:
  /// One step. Threads that share a pipeline take turns; each gets the result its own step pushed out.
  /// @param submit  queues this step's task; when it throws, the window is as it was
  /// @throws InvalidArgument (depth), what submit throws, the error of the task that comes out
  std::optional<std::vector<Tensor>> step(const std::function<Future()>& submit, int depth, bool reset);

 private:
  std::mutex mutex_;
  std::deque<Future> window_;
  int depth_ = 0;
};

}  // namespace ez_rknn
