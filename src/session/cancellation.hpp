#pragma once
/// What is behind a Cancellation: the flag, and the engines whose queues may hold tasks of it.
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "ez_rknn/cancellation.hpp"

namespace ez_rknn {

class Engine;

struct Cancellation::State {
  std::atomic<bool> cancelled{false};
  std::mutex mutex;
  std::vector<std::weak_ptr<Engine>> engines;  ///< guarded by `mutex`

  /// The engine is about to take a task of this switch. Called before it looks at the flag, so that either it sees the
  /// flag or cancel() sees the task.
  void watch(const std::shared_ptr<Engine>& engine);
};

}  // namespace ez_rknn
