#include "session/delivery.hpp"

#include <pthread.h>

#include <utility>

#include "core/log.hpp"

namespace ez_rknn {

void CallbackTask::accepted() {
  Task::accepted();
  delivery_.expect(std::static_pointer_cast<CallbackTask>(shared_from_this()));
}

void CallbackTask::ended() { delivery_.ended(); }

void CallbackTask::settle(Outcome outcome) noexcept {
  outcome_ = std::move(outcome);
  delivery_.settled(std::static_pointer_cast<CallbackTask>(shared_from_this()));
}

void CallbackTask::call() noexcept {
  // Moved out, so that what the callback captured is released here, inside the batch, even if it drops the session.
  Callback done = std::move(done_);
  Outcome outcome = std::move(outcome_);
  if (withdrawn) return;
  try {
    done(std::move(outcome.results), std::move(outcome.error));
  } catch (const std::exception& e) { log::error(std::string("exception in a callback: ") + e.what()); } catch (...) {
    log::error("exception of unknown type in a callback");
  }
}

Delivery::Delivery(const char* name, bool in_order, Hooks hooks)
    : name_(name), in_order_(in_order), hooks_(std::move(hooks)) {}

Delivery::~Delivery() { close(); }

void Delivery::start() {
  if (thread_id_.load() != std::thread::id{}) return;
  std::lock_guard lock(thread_mutex_);
  if (thread_.joinable()) return;
  {
    std::lock_guard state(mutex_);
    if (closing_) return;  // nothing more will be accepted
  }
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), name_);
  thread_id_.store(thread_.get_id());
}

void Delivery::expect(const Item& task) {
  std::lock_guard lock(mutex_);
  ++outstanding_;
  if (in_order_) in_flight_.push_back(task);
}

void Delivery::settled(const Item& task) {
  std::unique_lock lock(mutex_);
  task->settled = true;
  if (!in_order_) ready_.push_back(task);
  while (!in_flight_.empty() && in_flight_.front()->settled) {
    ready_.push_back(std::move(in_flight_.front()));
    in_flight_.pop_front();
  }
  if (!sleeping_ || ready_.empty()) return;
  sleeping_ = false;
  lock.unlock();  // whoever is woken with the lock held goes to sleep again. The workers are joined before this goes
  wake_.notify_one();
}

Delivery::Item Delivery::take() {
  Item task;
  {
    std::lock_guard lock(mutex_);
    if (ready_.empty()) return nullptr;
    task = std::move(ready_.front());
    ready_.pop_front();
    --outstanding_;
    --undelivered_;
  }
  if (hooks_.room) hooks_.room();
  return task;
}

void Delivery::deliver_batch() {
  constexpr int kMost = 64;  // then others get a chance at what around_batch holds
  for (int i = 0; i < kMost; ++i) {
    const Item task = take();
    if (!task) return;
    if (!hooks_.trace || !hooks_.trace->on()) {
      task->call();
      continue;
    }
    const auto begin = Clock::now();
    task->call();
    if (task->has_ticket()) hooks_.trace->called(task->ticket, name_, begin, Clock::now());
  }
}

void Delivery::work() {
  thread_id_.store(std::this_thread::get_id());
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      delivering_ = false;
      if (closing_ && outstanding_ == 0) through_.notify_all();
      while (ready_.empty() && !(closing_ && outstanding_ == 0)) {
        sleeping_ = true;
        wake_.wait(lock);
      }
      sleeping_ = false;
      if (ready_.empty()) return;
      delivering_ = true;
    }
    if (hooks_.around_batch) hooks_.around_batch([this] { deliver_batch(); });
    else deliver_batch();
  }
}

void Delivery::begin_close() {
  std::lock_guard lock(mutex_);
  closing_ = true;
  wake_.notify_one();
}

bool Delivery::drain(std::optional<Clock::time_point> limit) {
  begin_close();
  std::unique_lock lock(mutex_);
  const auto through = [&] { return outstanding_ == 0 && !delivering_; };
  if (limit) return through_.wait_until(lock, *limit, through);
  through_.wait(lock, through);
  return true;
}

void Delivery::close() {
  begin_close();
  if (on_callback_thread()) return;
  std::lock_guard lock(thread_mutex_);
  if (!thread_.joinable()) return;
  thread_.join();
  thread_id_.store({});  // the number may be another thread's from now on
}

}  // namespace ez_rknn
