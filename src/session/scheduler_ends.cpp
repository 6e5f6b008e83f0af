/// How requests end before they have begun, or before they are done: cancellation, time limits, closing.
#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

#include "ez_rknn/error.hpp"
#include "session/scheduler.hpp"

namespace ez_rknn {
namespace {

bool has_no_ticket(const Request& r) { return !r.has_ticket(); }

}  // namespace

/// Ends the requests that are `wanted` and have not begun; `why` makes each an error, `counter` counts those with a
/// ticket. Threads among them are woken. The tasks are returned: the caller finishes them when it holds no lock.
Scheduler::Requests Scheduler::take_out(const std::function<bool(const Request&)>& wanted,
                                        const std::function<std::exception_ptr()>& why, std::uint64_t& counter) {
  Requests tasks;
  const auto end = [&](Request& r) {
    drop_timer(r);
    r.phase = Request::Phase::done;
    r.error = why();
    r.ended();
    if (!r.waiter) return tasks.push_back(&r);
    r.waiter->done = true;
    r.waiter->wake.notify_one();
  };
  for (auto s = submitters_.begin(); s != submitters_.end();) {
    if (!wanted(*s->request)) {
      ++s;
      continue;
    }
    ++counters_.rejected;
    if (s->thread) {  // it has the request in its hands and raises the error itself
      s->thread->refusal = why();
      s->thread->wake.notify_one();
    } else {
      end(*s->request);
    }
    s = submitters_.erase(s);
  }
  for (Lane& lane : lanes_)
    for (auto r = lane.queue.begin(); r != lane.queue.end();) {
      if (!wanted(**r)) {
        ++r;
        continue;
      }
      end(**r);
      ++counter;
      --queued_;
      r = lane.queue.erase(r);
    }
  serve_submitters();
  check_drained();
  return tasks;
}

void Scheduler::finish(const Requests& tasks) {
  for (Request* r : tasks) r->finished();
}

bool Scheduler::withdraw(Task& task, std::exception_ptr why) {
  Requests tasks;
  {
    Lock lock(mutex_);
    if (task.phase != Request::Phase::queued && task.phase != Request::Phase::parked) return false;
    task.withdrawn = !why;
    tasks =
        take_out([&](const Request& r) { return &r == &task; }, [&] { return std::move(why); }, counters_.cancelled);
  }
  finish(tasks);
  return true;
}

void Scheduler::cancel(const Cancellation::State& group) {
  Requests tasks;
  {
    Lock lock(mutex_);
    tasks =
        take_out([&](const Request& r) { return r.group.get() == &group; },
                 [] { return std::make_exception_ptr(Cancelled("cancelled before it began")); }, counters_.cancelled);
  }
  finish(tasks);
}

bool Scheduler::running(const Task& task) const {
  Lock lock(mutex_);
  return task.phase == Request::Phase::executing;
}

std::exception_ptr Scheduler::time_is_up(const Request& request, Clock::time_point now) const {
  const bool own_limit = request.deadline && *request.deadline <= now;
  if (has_no_ticket(request) && !own_limit)
    return std::make_exception_ptr(
        QueueFull("no room for this task within " + std::to_string(submit_timeout_.count()) +
                  " ms: " + std::to_string(queued_) + " tasks wait (max_queue_size " + std::to_string(max_queue_size_) +
                  "), " + std::to_string(delivery_.undelivered()) +
                  " callbacks are undelivered (max_pending_callbacks " + std::to_string(max_pending_callbacks_) + ")"));
  const char* state = request.phase == Request::Phase::executing ? "it is being executed, its result will be dropped"
                                                                 : "it was withdrawn before it began";
  return std::make_exception_ptr(Timeout(std::string("the call's time limit has passed; ") + state));
}

void Scheduler::expire(Task& task) {
  Lock lock(mutex_);
  expire(lock, task);
}

/// Returns with the lock released.
void Scheduler::expire(Lock& lock, Task& task) {
  auto why = time_is_up(task, Clock::now());  // given away as a whole: whoever gets it may look at it at once
  if (task.phase == Request::Phase::executing && !task.given_up) {
    give_up(task);
    lock.unlock();
    task.answer({{}, std::move(why)});
    return;
  }
  Requests tasks;
  if (task.phase == Request::Phase::queued || task.phase == Request::Phase::parked)
    tasks =
        take_out([&](const Request& r) { return &r == &task; }, [&] { return std::move(why); }, counters_.timed_out);
  lock.unlock();
  finish(tasks);
}

/// It is being executed, and its outcome decided: to be answered without the lock.
void Scheduler::give_up(Task& task) {
  drop_timer(task);
  task.given_up = true;
  ++abandoned_;
  task.ended();
  ++counters_.timed_out;
}

/// Without room: the task waits in line on its own.
void Scheduler::park(Task& task) {
  start_timer();
  task.phase = Request::Phase::parked;
  task.accepted();
  submitters_.push_back({&task, nullptr});
  somebody_waits_ = true;
  const auto patience = Clock::now() + submit_timeout_;
  set_timer(task, task.deadline ? std::min(*task.deadline, patience) : patience);
}

/// @throws std::system_error when there can be no more threads
void Scheduler::start_timer() {
  if (timer_.joinable()) return;
  timer_ = std::thread([this] { keep_time(); });
  pthread_setname_np(timer_.native_handle(), "EzRknn_Timer");
}

void Scheduler::set_timer(Task& task, Clock::time_point at) {
  task.timer = timers_.emplace(at, &task);
  if (*task.timer == timers_.begin()) timer_wake_.notify_one();
}

void Scheduler::drop_timer(Request& request) {
  if (request.waiter) return;
  auto& timer = static_cast<Task&>(request).timer;
  if (timer) timers_.erase(*timer);
  timer.reset();
}

/// The timer's thread: ends tasks whose time is up and lets paced ones in.
void Scheduler::keep_time() {
  Lock lock(mutex_);
  while (!stopping_) {
    const auto now = Clock::now();
    if (!timers_.empty() && timers_.begin()->first <= now) {
      const auto task = timers_.begin()->second->shared_from_this();
      expire(lock, *task);
      lock.lock();
      continue;
    }
    serve_submitters();
    auto next = timers_.empty() ? Clock::time_point::max() : timers_.begin()->first;
    if (!submitters_.empty() && pacing_.next() > now) next = std::min(next, pacing_.next());
    if (next == Clock::time_point::max()) timer_wake_.wait(lock);
    else timer_wake_.wait_until(lock, next);
  }
}

void Scheduler::begin_close() {
  Requests tasks;
  {
    Lock lock(mutex_);
    if (!closing_) last_sign_ = Clock::now();
    closing_ = true;
    tasks = take_out(
        has_no_ticket, [] { return std::make_exception_ptr(Closed("the session is closed")); }, counters_.cancelled);
  }
  finish(tasks);
}

bool Scheduler::drain(std::optional<Clock::time_point> limit, std::chrono::nanoseconds stall) {
  begin_close();
  Lock lock(mutex_);
  while (!drained()) {
    const auto until = limit.value_or(last_sign_ + stall);
    if (until <= Clock::now()) return false;
    drained_.wait_until(lock, until);
  }
  return true;
}

std::size_t Scheduler::give_up() {
  Lock lock(mutex_);
  const auto closed = [] {  // one each: they are looked at in different threads
    return std::make_exception_ptr(Closed(
        "the session was closed before this task began: the runtime did not return from an earlier one in time"));
  };
  const Requests tasks = take_out([](const Request&) { return true; }, closed, counters_.cancelled);
  std::vector<std::shared_ptr<Task>> left;
  for (Slot& slot : slots_) {
    for (Waiter* visitor : slot.visitors) {
      visitor->done = visitor->refused = true;
      visitor->wake.notify_one();
    }
    slot.visitors.clear();
    if (!slot.current || slot.current->waiter) continue;
    auto& task = static_cast<Task&>(*slot.current);
    if (task.given_up || !task.owns_its_memory()) continue;
    give_up(task);
    left.push_back(task.shared_from_this());
  }
  const std::size_t busy = executing_;
  lock.unlock();
  finish(tasks);
  for (const auto& task : left)
    task->answer({{},
                  std::make_exception_ptr(Timeout("the session was closed, and the runtime did not return from this "
                                                  "task in time; its result will be dropped"))});
  return busy;
}

void Scheduler::close() {
  begin_close();
  {
    Lock lock(mutex_);
    drained_.wait(lock, [&] { return drained(); });
    stopping_ = true;
    timer_wake_.notify_one();
  }
  if (timer_.joinable()) timer_.join();
  for (Hand& hand : hands_) hand.wake.notify_one();
  for (Hand& hand : hands_)
    if (hand.thread.joinable()) hand.thread.join();
  for (Slot& slot : slots_) slot.worker.executor.reset();  // a closed session holds nothing of the device
}

void Scheduler::check_drained() {
  if (closing_ && drained()) drained_.notify_all();
}

}  // namespace ez_rknn
