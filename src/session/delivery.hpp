#pragma once
/// Gives finished run_async tasks to their callbacks: on one thread, never two at a time, in ticket order if asked.
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "session/request.hpp"

namespace ez_rknn {

/// A task with a callback. It belongs to the delivery from acceptance on.
struct CallbackRequest : OwningRequest {
  Callback done;
  class Delivery* delivery = nullptr;
  bool executed = false;  ///< guarded by the delivery's mutex

  void finished() noexcept override;
};

class Delivery {
 public:
  struct Hooks {
    /// Wraps a batch of callbacks, for example to hold an interpreter's lock once for all of them.
    std::function<void(const std::function<void()>&)> around_batch;
    /// A callback has been taken: there is room for one more. No lock of the delivery is held.
    std::function<void()> room;
    /// A delivered request, for reuse. Its callback and results are gone.
    std::function<void(CallbackRequest*)> recycle;
  };

  Delivery(bool in_order, Hooks hooks);
  ~Delivery();

  /// Starts the callback thread on first use. @throws std::system_error when there can be no more threads
  void start();
  /// A task was accepted; called in ticket order.
  void expect(CallbackRequest* request);
  /// Its execution is over. Any thread.
  void executed(CallbackRequest* request);
  /// Finished tasks whose callback has not begun, including those that wait for an earlier one.
  std::size_t undelivered() const { return undelivered_.load(); }
  std::uint64_t delivered() const { return delivered_.load(); }
  bool on_callback_thread() const { return thread_id_.load() == std::this_thread::get_id(); }

  /// Delivers everything expected, then ends the thread. On the callback thread itself it only asks for that.
  void close();

 private:
  void work();
  void deliver_batch();
  CallbackRequest* take();

  const bool in_order_;
  const Hooks hooks_;
  std::atomic<std::size_t> undelivered_{0};
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::thread::id> thread_id_{};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool sleeping_ = false;
  bool closing_ = false;
  std::size_t outstanding_ = 0;             ///< expected and not yet taken
  std::deque<CallbackRequest*> in_flight_;  ///< in ticket order, while order matters
  std::deque<CallbackRequest*> ready_;
  std::mutex thread_mutex_;  ///< guards thread_: start and join
  std::thread thread_;
};

}  // namespace ez_rknn
