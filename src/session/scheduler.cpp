#include "session/scheduler.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "ez_rknn/error.hpp"
#include "session/fork.hpp"
#include "session/worker_thread.hpp"

namespace ez_rknn {

using Clock = std::chrono::steady_clock;

Scheduler::Scheduler(std::vector<Worker> workers, std::vector<std::size_t> lane_of, const SessionOptions& options,
                     Delivery& delivery)
    : lane_of_(std::move(lane_of)),
      max_queue_size_(static_cast<std::size_t>(options.max_queue_size)),
      max_pending_callbacks_(static_cast<std::size_t>(options.max_pending_callbacks)),
      submit_timeout_(options.submit_timeout),
      delivery_(delivery),
      born_in_(fork_generation()),
      pacing_(options.enable_pacing, workers.size()) {
  lanes_.resize(1 + *std::max_element(lane_of_.begin(), lane_of_.end()));
  for (Worker& worker : workers) {
    Slot& slot = slots_.emplace_back();
    slot.worker = std::move(worker);
    lanes_[slot.worker.lane].idle.push_back(&slot);
  }
  for (Lane& lane : lanes_) std::reverse(lane.idle.begin(), lane.idle.end());  // first worker first: idle is a stack
  try {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      slots_[i].thread = std::thread([this, i] { work(slots_[i]); });
      name_thread(slots_[i].thread, "EzRknn_W" + std::to_string(i) + "_C" + std::to_string(slots_[i].worker.core));
      keep_on(slots_[i].thread, options.worker_cpus);
    }
  } catch (...) {  // no more threads: end those that were started
    close();
    throw;
  }
}

Scheduler::~Scheduler() { close(); }

void Scheduler::run(Request& request) {
  Waiter waiter;
  request.waiter = &waiter;
  Slot* slot = admit(request, nullptr, true);
  if (slot) execute(*slot, request, true);
  else wait(waiter);
}

void Scheduler::submit(Request& request, Waiter* waiter) {
  request.waiter = waiter;
  admit(request, nullptr, false);
}

void Scheduler::submit(CallbackRequest& request) { admit(request, &request, false); }

void Scheduler::wait(Waiter& waiter) {
  Lock lock(mutex_);
  waiter.wake.wait(lock, [&] { return waiter.remaining == 0; });
}

/// Accepts the request: ticket, lane, worker or queue. With `may_run_here`, returns the idle worker for the caller to
/// use instead of handing the request to its thread.
Scheduler::Slot* Scheduler::admit(Request& request, CallbackRequest* callback, bool may_run_here) {
  if (fork_generation() != born_in_)
    throw Closed("this session was made before a fork: its threads exist in the parent process only");
  // On the callback thread a wait for callbacks could never end: nobody else takes them.
  const bool bounded = callback && !delivery_.on_callback_thread();
  Lock lock(mutex_);
  if (closing_ || !has_room(bounded)) wait_for_room(lock, bounded);
  Lane& lane = lanes_[lane_of_next()];
  request.ticket = next_ticket_++;
  if (request.waiter) ++request.waiter->remaining;
  pacing_.accepted();
  if (callback) delivery_.expect(callback);
  Slot* slot = nullptr;
  if (lane.idle.empty()) {
    lane.queue.push_back(&request);
    ++queued_;
  } else {
    slot = lane.idle.back();
    lane.idle.pop_back();
    ++executing_;
    if (!may_run_here) slot->request = &request;
  }
  wake_submitter();  // whoever waits next may fit too
  lock.unlock();
  if (!slot || may_run_here) return slot;
  slot->wake.notify_one();
  return nullptr;
}

bool Scheduler::has_room(bool bounded) const {
  if (bounded && delivery_.undelivered() >= max_pending_callbacks_) return false;
  if (queued_ >= max_queue_size_ && lanes_[lane_of_next()].idle.empty()) return false;
  const auto next = pacing_.next();
  return next == Clock::time_point::min() || next <= Clock::now();
}

void Scheduler::wait_for_room(Lock& lock, bool bounded) {
  const auto deadline = Clock::now() + submit_timeout_;
  Submitter self{{}, bounded};
  submitters_.push_back(&self);
  const auto leave = [&] {
    submitters_.erase(std::find(submitters_.begin(), submitters_.end(), &self));
    if (closing_ && submitters_.empty()) drained_.notify_all();
  };
  for (;;) {
    if (closing_) {
      leave();
      throw Closed("the session is closed");
    }
    if (has_room(bounded)) return leave();
    const auto now = Clock::now();
    if (now >= deadline) {
      leave();
      ++counters_.rejected;
      wake_submitter();
      throw QueueFull("no room for this task within " + std::to_string(submit_timeout_.count()) +
                      " ms: " + std::to_string(queued_) + " tasks wait (max_queue_size " +
                      std::to_string(max_queue_size_) + "), " + std::to_string(delivery_.undelivered()) +
                      " callbacks are undelivered (max_pending_callbacks " + std::to_string(max_pending_callbacks_) +
                      ")");
    }
    const auto paced = pacing_.next();
    self.wake.wait_until(lock, paced > now ? std::min(deadline, paced) : deadline);
  }
}

/// Wakes the longest waiting submitter that fits now. Paced ones wake by themselves.
void Scheduler::wake_submitter() {
  for (Submitter* s : submitters_)
    if (closing_ || has_room(s->bounded)) return s->wake.notify_one();
}

void Scheduler::room() {
  Lock lock(mutex_);
  wake_submitter();
}

void Scheduler::work(Slot& slot) {
  Lock lock(mutex_);
  for (;;) {
    slot.wake.wait(lock, [&] { return slot.request || stopping_; });
    if (!slot.request) return;
    Request* request = std::exchange(slot.request, nullptr);
    lock.unlock();
    while (request) request = execute(slot, *request, false);
    lock.lock();
  }
}

/// Runs and completes the request, which may be gone afterwards. Returns what this thread does next, or null when the
/// slot went idle or, with `on_caller`, back to its own thread.
Request* Scheduler::execute(Slot& slot, Request& request, bool on_caller) {
  const auto duration = slot.worker.executor->execute(request);
  Waiter* waiter = request.waiter;
  if (!waiter) request.finished();
  Lock lock(mutex_);
  ++(duration ? counters_.completed : counters_.failed);
  if (duration) pacing_.ran(*duration);
  if (on_caller) ++counters_.ran_on_caller;
  // Notified with the lock held: once it is free the waiter may return and take its condition variable along.
  if (waiter && --waiter->remaining == 0) waiter->wake.notify_one();
  Request* next = next_for(slot);
  if (!next || !on_caller) return next;
  slot.request = next;
  lock.unlock();
  slot.wake.notify_one();
  return nullptr;
}

/// The slot has finished its request: what it does next, or null when it goes idle.
Request* Scheduler::next_for(Slot& slot) {
  Lane& lane = lanes_[slot.worker.lane];
  Request* next = nullptr;
  if (lane.queue.empty()) {
    lane.idle.push_back(&slot);
    --executing_;
    if (closing_ && queued_ == 0 && executing_ == 0) drained_.notify_all();
  } else {
    next = lane.queue.front();
    lane.queue.pop_front();
    --queued_;
  }
  wake_submitter();
  return next;
}

void Scheduler::begin_close() {
  Lock lock(mutex_);
  closing_ = true;
  for (Submitter* s : submitters_) s->wake.notify_one();
}

void Scheduler::close() {
  begin_close();
  {
    Lock lock(mutex_);
    drained_.wait(lock, [&] { return queued_ == 0 && executing_ == 0 && submitters_.empty(); });
    stopping_ = true;
  }
  for (Slot& slot : slots_) slot.wake.notify_one();
  for (Slot& slot : slots_)
    if (slot.thread.joinable()) slot.thread.join();
  for (Slot& slot : slots_) slot.worker.executor.reset();  // a closed session holds nothing of the device
}

void Scheduler::add_to(Statistics& s) const {
  Lock lock(mutex_);
  s.accepted = next_ticket_;
  s.completed = counters_.completed;
  s.failed = counters_.failed;
  s.rejected = counters_.rejected;
  s.ran_on_caller = counters_.ran_on_caller;
  s.waiting = queued_;
  s.executing = executing_;
  s.run_ms = pacing_.average_ms();
}

}  // namespace ez_rknn
