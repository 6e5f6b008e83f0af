#include "session/future.hpp"

#include "ez_rknn/error.hpp"
#include "session/engine.hpp"

namespace ez_rknn {
namespace {

FutureTask& existing(const std::shared_ptr<FutureTask>& task) {
  if (!task) throw InvalidArgument("this future has no result: it was never set, or get() has been called");
  return *task;
}

}  // namespace

std::optional<Clock::time_point> time_after(std::chrono::nanoseconds limit) {
  constexpr std::chrono::hours kEver{24 * 365 * 20};
  if (limit > kEver) return std::nullopt;
  return Clock::now() + limit;
}

void FutureTask::settle(Outcome outcome) noexcept {
  {
    std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    ready_ = true;
  }
  wake_.notify_all();  // whoever calls settle() keeps the task alive
}

bool FutureTask::ready() const {
  std::lock_guard lock(mutex_);
  return ready_;
}

void FutureTask::wait() const {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return ready_; });
}

bool FutureTask::wait_until(Clock::time_point limit) const {
  std::unique_lock lock(mutex_);
  return wake_.wait_until(lock, limit, [&] { return ready_; });
}

std::vector<Tensor> FutureTask::take() {
  // Taken out, so that the worker, which may let go of the task later, is not the one to destroy it.
  Outcome outcome;
  {
    std::lock_guard lock(mutex_);
    outcome = std::move(outcome_);
  }
  if (outcome.error) std::rethrow_exception(std::move(outcome.error));
  return std::move(outcome.results);
}

bool Future::ready() const { return task_ && task_->ready(); }
void Future::wait() const { existing(task_).wait(); }

bool Future::wait_for(std::chrono::nanoseconds limit) const {
  const auto until = time_after(limit);
  if (until) return existing(task_).wait_until(*until);
  wait();
  return true;
}

std::vector<Tensor> Future::get() {
  wait();
  const auto task = std::move(task_);
  return task->take();
}

std::vector<Tensor> Future::get(std::chrono::nanoseconds limit) {
  if (!wait_for(limit))
    throw Timeout("no result within " + std::to_string(limit.count() / 1000000) + " ms; the task goes on");
  return get();
}

bool Future::cancel() {
  const auto engine = existing(task_).engine.lock();
  return engine && engine->withdraw(*task_, Engine::Answer::cancelled);
}

bool TaskHandle::withdraw() {
  const auto task = task_.lock();
  const auto engine = task ? task->engine.lock() : nullptr;
  return engine && engine->withdraw(*task, Engine::Answer::none);
}

bool TaskHandle::running() const {
  const auto task = task_.lock();
  const auto engine = task ? task->engine.lock() : nullptr;
  return engine && engine->running(*task);
}

}  // namespace ez_rknn
