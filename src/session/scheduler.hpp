#pragma once
/// Who runs which request, where and when. One mutex guards everything here; it is never held while a runtime or user
/// code runs.
///
/// Workers belong to lanes (one lane a core; a single lane when tasks have no core of their own). A request is accepted
/// when its lane has an idle worker or fewer than max_queue_size requests wait; only then does it take a ticket. A
/// blocking caller whose lane is idle borrows the worker's executor and runs on its own thread.
///
/// A slot is a worker's executor and what it has to do; a hand is a thread that serves slots. There are as many of
/// each, and each slot has a hand of its own, which serves it unless it is asleep while another one is looking for
/// work: to wake a thread costs more than a short run. Where all tasks are that short, the hand that is awake does them
/// for all slots, and nobody is woken; another one sleeps lightly, to take over within a millisecond should a task turn
/// out long.
///
/// Requests that find no room wait in one line, threads and parked tasks alike. Whoever makes room accepts the first in
/// line that fits, on its behalf: nobody overtakes, nobody polls.
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "session/delivery.hpp"
#include "session/executor.hpp"
#include "session/histogram.hpp"
#include "session/pacing.hpp"
#include "session/task.hpp"

namespace ez_rknn {

class Scheduler {
 public:
  struct Worker {
    std::unique_ptr<Executor> executor;
    std::size_t lane = 0;
    int core = 0;  ///< for the thread's name
  };

  /// @param lane_of  the lane of ticket k is lane_of[k % lane_of.size()]
  Scheduler(std::vector<Worker> workers, std::vector<std::size_t> lane_of, const SessionOptions& options,
            Delivery& delivery, Trace& trace);
  ~Scheduler();

  /// Executes the request and returns when it is done. @throws QueueFull, Closed, Cancelled, Timeout (not accepted)
  void run(Request& request);
  /// Hands the task over. @throws as run(); a parked task gets these errors as its outcome instead
  void submit(Task& task, IfFull if_full);

  /// Ends the task unless it has begun: true, and `why` becomes its outcome.
  bool withdraw(Task& task, std::exception_ptr why);
  /// The task's time is up: withdraws it, or answers for it while it is being executed.
  void expire(Task& task);
  /// Ends every request of the group that has not begun.
  void cancel(const Cancellation::State& group);
  bool running(const Task& task) const;

  /// Lends every worker's executor to the caller's thread, one after the other, each as soon as it is idle. No ticket
  /// is taken. @throws Closed, what the visitor throws
  void visit(const std::function<void(Executor&)>& visitor);
  /// The core of every worker.
  std::vector<int> cores() const;

  /// Room may have become free elsewhere.
  void room();
  /// Refuse new requests and those that wait for room.
  void begin_close();
  /// begin_close(), then waits until all that was accepted has been executed.
  /// @param limit  when to stop waiting; nothing: `stall` after the last task ended. @returns whether it came to that
  bool drain(std::optional<Clock::time_point> limit, std::chrono::nanoseconds stall);
  /// Ends what has not begun with Closed, and answers for what is being executed, where that needs no memory of the
  /// caller's. @returns how many tasks the runtime still has
  std::size_t give_up();
  /// Waits without a limit, and for the threads to end. One caller.
  void close();

  void add_to(Statistics& statistics) const;

 private:
  struct Slot {
    Worker worker;
    std::size_t number = 0;
    Request* request = nullptr;    ///< handed over, for a hand to begin
    Request* current = nullptr;    ///< being executed
    std::deque<Waiter*> visitors;  ///< come first when the slot is through with its request
    std::uint64_t tasks = 0;
    std::chrono::nanoseconds busy{0};
  };
  struct Hand {
    bool sleeping = false;
    std::condition_variable wake;
    std::thread thread;
  };
  struct Lane {
    std::vector<Slot*> idle;
    std::deque<Request*> queue;
  };
  /// A thread that waits for room; a parked task has none.
  struct Blocked {
    std::condition_variable wake;
    std::exception_ptr refusal;
  };
  struct Submitter {
    Request* request;
    Blocked* thread;
  };
  using Lock = std::unique_lock<std::mutex>;
  using Requests = std::vector<Request*>;

  Slot* admit(Request& request, bool may_run_here);
  void check_process() const;
  void check_open(const Request& request) const;
  bool has_room(const Request& request) const;
  void wait_for_room(Request& request);
  void park(Task& task);
  Slot* place(Request& request);
  void hand_over(Slot& slot, Request& request);
  Hand* offer(Slot& slot, Request& request);
  Hand* hand_for(std::size_t number);
  void serve_submitters();

  void work(std::size_t number);
  void search(Lock& lock);
  void sleep(Lock& lock, Hand& self);
  Slot& take_offer(std::size_t number);
  Request* execute(Slot& slot, Request& request, bool on_caller);
  Request* next_for(Slot& slot, bool own_hand);
  void count(Slot& slot, Request& request, const Phases& phases);

  Requests take_out(const std::function<bool(const Request&)>& wanted, const std::function<std::exception_ptr()>& why,
                    std::uint64_t& counter);
  static void finish(const Requests& tasks);
  std::exception_ptr time_is_up(const Request& request, Clock::time_point now) const;
  void expire(Lock& lock, Task& task);
  void give_up(Task& task);
  bool drained() const { return queued_ == 0 && executing_ == 0 && blocked_ == 0; }
  void check_drained();

  void start_timer();
  void set_timer(Task& task, Clock::time_point at);
  void drop_timer(Request& request);
  void keep_time();

  std::size_t lane_of_next() const { return lane_of_[next_ticket_ % lane_of_.size()]; }

  const std::vector<std::size_t> lane_of_;
  const std::size_t max_queue_size_, max_pending_callbacks_;
  const std::chrono::milliseconds submit_timeout_;
  const std::function<void(const std::function<void()>&)> around_waiting_;
  Delivery& delivery_;
  Trace& trace_;
  const unsigned born_in_;  ///< fork generation
  const bool may_search_;   ///< there is a CPU to search on

  mutable std::mutex mutex_;
  std::condition_variable drained_;
  std::vector<Lane> lanes_;
  std::deque<Slot> slots_;
  std::deque<Hand> hands_;
  std::size_t awake_ = 0;                    ///< hands that do not sleep
  Hand* on_watch_ = nullptr;                 ///< the one that sleeps lightly
  std::deque<Slot*> offered_;                ///< slots with a request that no hand has begun
  bool looking_ = false;                     ///< who holds the lock is a hand that looks at them next
  bool searching_ = false;                   ///< one hand at a time
  std::atomic<bool> found_{false};           ///< ends its search; written with the lock held
  bool brief_ = false, last_brief_ = false;  ///< tasks are over sooner than a hand can be woken
  std::deque<Submitter> submitters_;         ///< waiting for room, longest first
  std::atomic<bool> somebody_waits_{false};  ///< there are some; written with the lock held
  std::size_t blocked_ = 0;                  ///< threads inside wait_for_room
  Pacing pacing_;
  std::uint64_t next_ticket_ = 0;
  std::size_t queued_ = 0, executing_ = 0, abandoned_ = 0;
  bool closing_ = false, stopping_ = false;
  Clock::time_point last_sign_;  ///< of life while closing: when that began, or the last task ended
  Statistics counters_;
  Histogram waits_, runs_;

  Task::Timers timers_;  ///< of parked tasks and of those whose deadline nobody else watches
  std::condition_variable timer_wake_;
  std::thread timer_;  ///< started when it is first needed
};

}  // namespace ez_rknn
