#pragma once
/// Who runs which request, where and when. One mutex guards everything here; it is never held while a runtime or user
/// code runs.
///
/// Workers belong to lanes (one lane a core; a single lane when tasks have no core of their own). A request is admitted
/// when its lane has an idle worker or fewer than max_queue_size requests wait; only then does it take a ticket. A
/// blocking caller whose lane is idle borrows the worker's executor and runs on its own thread.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "session/delivery.hpp"
#include "session/executor.hpp"
#include "session/pacing.hpp"
#include "session/request.hpp"

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
            Delivery& delivery);
  ~Scheduler();

  /// Executes the request and returns when it is done. @throws QueueFull, Closed (the request was not accepted)
  void run(Request& request);
  /// Hands the request over; `waiter` (may be null) counts it. @throws QueueFull, Closed
  void submit(Request& request, Waiter* waiter);
  /// As submit(), for a task with a callback: waits for room among the undelivered callbacks too.
  void submit(CallbackRequest& request);
  void wait(Waiter& waiter);

  /// Room may have become free elsewhere.
  void room();
  /// Refuse new requests and wake who waits for room.
  void begin_close();
  /// begin_close(), then return when all that was accepted has been executed and the threads have ended. One caller.
  void close();

  void add_to(Statistics& statistics) const;

 private:
  struct Slot {
    Worker worker;
    Request* request = nullptr;  ///< handed to the slot's thread
    std::condition_variable wake;
    std::thread thread;
  };
  struct Lane {
    std::vector<Slot*> idle;
    std::deque<Request*> queue;
  };
  struct Submitter {
    std::condition_variable wake;
    bool bounded;  ///< see has_room
  };
  using Lock = std::unique_lock<std::mutex>;

  Slot* admit(Request& request, CallbackRequest* callback, bool may_run_here);
  /// @param bounded  undelivered callbacks count too
  bool has_room(bool bounded) const;
  void wait_for_room(Lock& lock, bool bounded);
  void wake_submitter();
  void work(Slot& slot);
  Request* execute(Slot& slot, Request& request, bool on_caller);
  Request* next_for(Slot& slot);
  std::size_t lane_of_next() const { return lane_of_[next_ticket_ % lane_of_.size()]; }

  const std::vector<std::size_t> lane_of_;
  const std::size_t max_queue_size_, max_pending_callbacks_;
  const std::chrono::milliseconds submit_timeout_;
  Delivery& delivery_;
  const unsigned born_in_;  ///< fork generation

  mutable std::mutex mutex_;
  std::condition_variable drained_;
  std::vector<Lane> lanes_;
  std::deque<Slot> slots_;
  std::deque<Submitter*> submitters_;  ///< waiting for room, longest first
  Pacing pacing_;
  std::uint64_t next_ticket_ = 0;
  std::size_t queued_ = 0, executing_ = 0;
  bool closing_ = false, stopping_ = false;
  Statistics counters_;
};

}  // namespace ez_rknn
