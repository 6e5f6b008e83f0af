#pragma once
/// Results that are not there yet.
#include <chrono>
#include <memory>
#include <vector>

#include "ez_rknn/error.hpp"
#include "ez_rknn/tensor.hpp"

namespace ez_rknn {

class FutureTask;
class Task;

/// The result of Session::submit(), once. One thread at a time.
class Future {
 public:
  Future() = default;
  explicit Future(std::shared_ptr<FutureTask> task) : task_(std::move(task)) {}
  Future(Future&&) noexcept = default;
  Future& operator=(Future&&) noexcept = default;

  bool valid() const { return task_ != nullptr; }
  bool ready() const;
  void wait() const;
  /// True when the result is there within `limit`. The task goes on either way.
  bool wait_for(std::chrono::nanoseconds limit) const;
  /// Waits, then returns the outputs or throws the task's error. Leaves the future invalid.
  std::vector<Tensor> get();
  /// As get(). @throws Timeout when the result is not there within `limit`; the task goes on, the future stays valid
  std::vector<Tensor> get(std::chrono::nanoseconds limit);
  /// Withdraws the task if it has not begun: true, and get() throws Cancelled. False when it runs or has run.
  bool cancel();

 private:
  std::shared_ptr<FutureTask> task_;
};

/// A task under way whose result goes to a callback. Safe from any thread.
class TaskHandle {
 public:
  TaskHandle() = default;
  explicit TaskHandle(std::weak_ptr<Task> task) : task_(std::move(task)) {}
  /// Takes the task back if it has not begun: true, and its callback will not be called. False when it runs or has run.
  bool withdraw();
  /// A worker is at it.
  bool running() const;

 private:
  std::weak_ptr<Task> task_;
};

}  // namespace ez_rknn
