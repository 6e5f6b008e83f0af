/// Acceptance and execution. How requests end before they have begun: scheduler_ends.cpp.
#include "session/scheduler.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/cpu.hpp"
#include "ez_rknn/error.hpp"
#include "session/cancellation.hpp"
#include "session/fork.hpp"
#include "session/worker_thread.hpp"

namespace ez_rknn {
namespace {

/// How long a hand looks for work before it sleeps: about as long as it takes to fall asleep and to be woken.
constexpr std::chrono::microseconds kPatience{10};
/// A task is brief that is over before a hand could be woken.
constexpr std::chrono::microseconds kBrief{5};
/// How long a brief task waits at most for a hand that is held up.
constexpr std::chrono::milliseconds kWatch{1};

}  // namespace

Scheduler::Scheduler(std::vector<Worker> workers, std::vector<std::size_t> lane_of, const SessionOptions& options,
                     Delivery& delivery, Trace& trace)
    : lane_of_(std::move(lane_of)),
      max_queue_size_(static_cast<std::size_t>(options.max_queue_size)),
      max_pending_callbacks_(static_cast<std::size_t>(options.max_pending_callbacks)),
      submit_timeout_(options.submit_timeout),
      around_waiting_(options.around_waiting),
      delivery_(delivery),
      trace_(trace),
      born_in_(fork_generation()),
      may_search_(cpu::available_cpus() > 1),
      pacing_(options.enable_pacing, workers.size()) {
  lanes_.resize(1 + *std::max_element(lane_of_.begin(), lane_of_.end()));
  for (Worker& worker : workers) {
    Slot& slot = slots_.emplace_back();
    slot.worker = std::move(worker);
    slot.number = slots_.size() - 1;
    lanes_[slot.worker.lane].idle.push_back(&slot);
  }
  for (Lane& lane : lanes_) std::reverse(lane.idle.begin(), lane.idle.end());  // first worker first: idle is a stack
  hands_.resize(slots_.size());
  awake_ = hands_.size();
  try {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      std::thread& thread = hands_[i].thread;
      thread = std::thread([this, i] { work(i); });
      name_thread(thread, "EzRknn_W" + std::to_string(i) + "_C" + std::to_string(slots_[i].worker.core));
      keep_on(thread, options.worker_cpus);
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
  if (Slot* slot = admit(request, true)) {
    execute(*slot, request, true);
    return;
  }
  Lock lock(mutex_);
  waiter.wake.wait(lock, [&] { return waiter.done; });
}

void Scheduler::submit(Task& task, IfFull if_full) {
  check_process();
  if (task.timed) {
    Lock lock(mutex_);
    start_timer();
  }
  if (if_full == IfFull::wait) {
    admit(task, false);
    return;
  }
  Lock lock(mutex_);
  check_open(task);
  if (!has_room(task)) return park(task);
  if (Slot* slot = place(task)) hand_over(*slot, task);
  serve_submitters();
}

/// Accepts the request or throws. With `may_run_here`, returns the idle worker for the caller to use instead of handing
/// the request to its thread.
Scheduler::Slot* Scheduler::admit(Request& request, bool may_run_here) {
  check_process();
  Lock lock(mutex_);
  check_open(request);
  if (!has_room(request)) {
    lock.unlock();
    if (around_waiting_) around_waiting_([&] { wait_for_room(request); });
    else wait_for_room(request);
    return nullptr;
  }
  Slot* slot = place(request);
  Hand* hand = slot && !may_run_here ? offer(*slot, request) : nullptr;
  serve_submitters();  // the next ticket may be another lane's
  lock.unlock();
  if (hand) hand->wake.notify_one();
  return may_run_here ? slot : nullptr;
}

/// Before any lock: a forked child may have inherited it locked.
void Scheduler::check_process() const {
  if (fork_generation() != born_in_)
    throw Closed("this session was made before a fork: its threads exist in the parent process only");
}

void Scheduler::check_open(const Request& request) const {
  if (closing_) throw Closed("the session is closed");
  if (request.group && request.group->cancelled) throw Cancelled("cancelled: the call's cancellation is set");
}

bool Scheduler::has_room(const Request& request) const {
  if (request.bounded && delivery_.undelivered() >= max_pending_callbacks_) return false;
  if (queued_ >= max_queue_size_ && lanes_[lane_of_next()].idle.empty()) return false;
  const auto next = pacing_.next();
  return next == Clock::time_point::min() || next <= Clock::now();
}

/// Returns when the request has been accepted, by whoever made room.
void Scheduler::wait_for_room(Request& request) {
  Lock lock(mutex_);
  check_open(request);
  const auto patience = Clock::now() + submit_timeout_;
  const auto limit = request.deadline ? std::min(*request.deadline, patience) : patience;
  Blocked self;
  submitters_.push_back({&request, &self});
  somebody_waits_ = true;
  ++blocked_;
  serve_submitters();  // room may have come since the caller looked
  while (request.phase == Request::Phase::made && !self.refusal) {
    const auto now = Clock::now();
    if (now >= limit) {
      take_out([&](const Request& r) { return &r == &request; }, [&] { return time_is_up(request, now); },
               counters_.timed_out);
      break;
    }
    const auto paced = pacing_.next();
    self.wake.wait_until(lock, paced > now ? std::min(limit, paced) : limit);
    serve_submitters();  // paced: perhaps it is time
  }
  --blocked_;
  check_drained();
  if (self.refusal) std::rethrow_exception(self.refusal);
}

/// Ticket, then a worker, which is returned and is the caller's to wake; or the queue of its lane.
Scheduler::Slot* Scheduler::place(Request& request) {
  Lane& lane = lanes_[lane_of_next()];
  request.ticket = next_ticket_++;
  request.accepted_at = Clock::now();
  pacing_.accepted(request.accepted_at);
  if (request.phase == Request::Phase::made) request.accepted();
  if (!request.waiter) {
    auto& task = static_cast<Task&>(request);
    drop_timer(task);
    if (task.timed && task.deadline) set_timer(task, *task.deadline);
  }
  if (lane.idle.empty()) {
    request.phase = Request::Phase::queued;
    lane.queue.push_back(&request);
    ++queued_;
    return nullptr;
  }
  request.phase = Request::Phase::executing;
  Slot* slot = lane.idle.back();
  lane.idle.pop_back();
  slot->current = &request;
  ++executing_;
  return slot;
}

void Scheduler::hand_over(Slot& slot, Request& request) {
  if (Hand* hand = offer(slot, request)) hand->wake.notify_one();
}

/// Returns the hand to wake, or null where a hand that is awake will find the slot.
Scheduler::Hand* Scheduler::offer(Slot& slot, Request& request) {
  slot.request = &request;
  offered_.push_back(&slot);
  if (std::exchange(looking_, false)) return nullptr;
  if (!searching_) return hand_for(slot.number);
  found_.store(true, std::memory_order_relaxed);
  return nullptr;
}

/// A sleeping hand, if possible the slot's own, marked as awake. None sleeps: one that is awake looks at what is
/// offered before it lies down. To wake one takes longer than a brief task: that waits for the hand that is awake, with
/// another one on watch, should the hand be held up.
Scheduler::Hand* Scheduler::hand_for(std::size_t number) {
  const bool watched = brief_ && on_watch_;
  if (watched && awake_ > 0) return nullptr;
  const auto free = [&](const Hand& h) { return h.sleeping && !(watched && &h == on_watch_); };
  Hand* hand = &hands_[number];
  for (auto h = hands_.begin(); !free(*hand) && h != hands_.end(); ++h) hand = &*h;
  if (!hand->sleeping) return nullptr;
  if (hand == on_watch_) on_watch_ = nullptr;
  hand->sleeping = false;
  ++awake_;
  return hand;
}

/// Accepts those in line that fit now, longest waiting first.
void Scheduler::serve_submitters() {
  for (auto s = submitters_.begin(); s != submitters_.end();) {
    if (!has_room(*s->request)) {
      if (!s->request->bounded) return;  // then nobody fits
      ++s;
      continue;
    }
    const Submitter next = *s;
    s = submitters_.erase(s);
    if (Slot* slot = place(*next.request)) hand_over(*slot, *next.request);
    if (next.thread) next.thread->wake.notify_one();
  }
  somebody_waits_ = !submitters_.empty();
}

void Scheduler::room() {
  if (!somebody_waits_) return;  // whoever is about to wait says so and then looks for room once more
  Lock lock(mutex_);
  serve_submitters();
}

void Scheduler::work(std::size_t number) {
  Hand& self = hands_[number];
  Lock lock(mutex_);
  for (bool worked = false;; worked = true) {
    if (worked && offered_.empty()) search(lock);
    while (offered_.empty()) {
      if (stopping_) return;
      sleep(lock, self);
    }
    Slot& slot = take_offer(number);
    Request* request = std::exchange(slot.request, nullptr);
    lock.unlock();
    while (request) request = execute(slot, *request, false);
    lock.lock();
  }
}

/// Waits awake for a slot to be offered. One hand at a time.
void Scheduler::search(Lock& lock) {
  if (searching_ || stopping_ || !may_search_) return;
  searching_ = true;
  found_.store(false, std::memory_order_relaxed);
  lock.unlock();
  const auto end = Clock::now() + kPatience;
  while (!found_.load(std::memory_order_relaxed) && Clock::now() < end) cpu::relax();
  lock.lock();
  searching_ = false;
  for (std::size_t i = 1; i < offered_.size(); ++i)  // one is for this hand, the others woke nobody
    if (Hand* hand = hand_for(offered_[i]->number)) hand->wake.notify_one();
}

/// Until the hand is called. While brief tasks come and go, one hand wakes by itself now and then.
void Scheduler::sleep(Lock& lock, Hand& self) {
  const auto called = [&] { return !self.sleeping || stopping_; };
  self.sleeping = true;
  --awake_;
  for (auto last = Clock::time_point::min(); brief_ && !on_watch_ && hands_.size() > 1 && last_sign_ != last;) {
    last = last_sign_;
    on_watch_ = &self;
    const bool was_called = self.wake.wait_for(lock, kWatch, called);
    if (on_watch_ == &self) on_watch_ = nullptr;
    if (was_called) return;
    if (offered_.empty()) continue;
    self.sleeping = false;
    ++awake_;
    return;
  }
  self.wake.wait(lock, called);
}

/// The hand's own slot, or the one that was offered first.
Scheduler::Slot& Scheduler::take_offer(std::size_t number) {
  auto own = std::find(offered_.begin(), offered_.end(), &slots_[number]);
  if (own == offered_.end()) own = offered_.begin();
  Slot& slot = **own;
  offered_.erase(own);
  return slot;
}

/// Runs and completes the request, which may be gone afterwards. Returns what this thread does next, or null when the
/// slot went idle or, with `on_caller`, back to its own thread.
Request* Scheduler::execute(Slot& slot, Request& request, bool on_caller) {
  const Phases phases = slot.worker.executor->execute(request);
  if (trace_.on()) trace_.executed(request.ticket, slot.number, request.accepted_at, phases, request.error != nullptr);
  Lock lock(mutex_);
  count(slot, request, phases);
  if (on_caller) ++counters_.ran_on_caller;
  request.phase = Request::Phase::done;
  drop_timer(request);
  Request* next = next_for(slot, !on_caller);
  if (next && on_caller) hand_over(slot, *std::exchange(next, nullptr));
  if (Waiter* waiter = request.waiter) {
    // Notified with the lock held: once it is free the waiter may return and take its condition variable along.
    waiter->done = true;
    waiter->wake.notify_one();
    return next;
  }
  lock.unlock();
  request.finished();
  return next;
}

void Scheduler::count(Slot& slot, Request& request, const Phases& phases) {
  last_sign_ = phases.done;
  const bool brief = phases.done - phases.start < kBrief;
  brief_ = brief || std::exchange(last_brief_, brief);  // one that is not may have been interrupted
  ++slot.tasks;
  slot.busy += phases.done - phases.start;
  waits_.add(phases.start - request.accepted_at);
  if (!request.error) {
    pacing_.ran(phases.run());
    runs_.add(phases.run());
  }
  const bool given_up = !request.waiter && static_cast<const Task&>(request).given_up;
  if (given_up) {
    --abandoned_;
    return;
  }
  ++(request.error ? counters_.failed : counters_.completed);
  request.ended();
}

/// The slot has finished its request: what it does next, or null when it goes idle.
/// @param own_hand  and its hand has nothing else to do then
Request* Scheduler::next_for(Slot& slot, bool own_hand) {
  slot.current = nullptr;
  if (!slot.visitors.empty()) {
    Waiter* visitor = slot.visitors.front();
    slot.visitors.pop_front();
    visitor->done = true;
    visitor->wake.notify_one();
    return nullptr;
  }
  Lane& lane = lanes_[slot.worker.lane];
  Request* next = nullptr;
  if (lane.queue.empty()) {
    lane.idle.push_back(&slot);
    --executing_;
    check_drained();
  } else {
    next = lane.queue.front();
    lane.queue.pop_front();
    --queued_;
    next->phase = Request::Phase::executing;
    slot.current = next;
  }
  looking_ = own_hand && !next;
  serve_submitters();
  looking_ = false;
  return next;
}

void Scheduler::visit(const std::function<void(Executor&)>& visitor) {
  check_process();
  for (Slot& slot : slots_) {
    Lock lock(mutex_);
    if (closing_) throw Closed("the session is closed");
    auto& idle = lanes_[slot.worker.lane].idle;
    if (const auto found = std::find(idle.begin(), idle.end(), &slot); found != idle.end()) {
      idle.erase(found);
      ++executing_;
    } else {
      Waiter self;
      slot.visitors.push_back(&self);
      self.wake.wait(lock, [&] { return self.done; });
      if (self.refused) throw Closed("the session is closed");
    }
    lock.unlock();
    std::exception_ptr error;
    try {
      visitor(*slot.worker.executor);
    } catch (...) { error = std::current_exception(); }
    lock.lock();
    if (Request* next = next_for(slot, false)) hand_over(slot, *next);
    if (error) std::rethrow_exception(error);
  }
}

std::vector<int> Scheduler::cores() const {
  std::vector<int> cores;
  for (const Slot& slot : slots_) cores.push_back(slot.worker.core);
  return cores;
}

void Scheduler::add_to(Statistics& s) const {
  Lock lock(mutex_);
  s = counters_;
  s.submitted = next_ticket_;
  s.waiting = queued_;
  s.waiting_for_room = submitters_.size();
  s.running = executing_ - abandoned_;
  s.abandoned = abandoned_;
  s.wait = waits_.percentiles();
  s.run = runs_.percentiles();
  for (const Slot& slot : slots_) {
    auto core = std::find_if(s.cores.begin(), s.cores.end(), [&](const auto& c) { return c.core == slot.worker.core; });
    if (core == s.cores.end()) core = s.cores.insert(core, CoreStatistics{slot.worker.core});
    ++core->workers;
    core->tasks += slot.tasks;
    core->busy_ms += std::chrono::duration<double, std::milli>(slot.busy).count();
  }
}

}  // namespace ez_rknn
