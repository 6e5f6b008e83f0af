#pragma once
/// Gives the outcomes of tasks to their callbacks: on one thread, never two at a time, in ticket order if asked.
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "session/task.hpp"
#include "session/trace.hpp"

namespace ez_rknn {

class Delivery;

/// A task whose outcome goes to a callback.
class CallbackTask final : public Task {
 public:
  CallbackTask(Delivery& delivery, Callback done) : done_(std::move(done)), delivery_(delivery) {}
  void accepted() override;
  void ended() override;
  /// On the callback thread. Nothing happens for a task that was withdrawn by its owner.
  void call() noexcept;

  bool settled = false;  ///< guarded by the delivery's mutex

 private:
  void settle(Outcome outcome) noexcept override;

  Callback done_;
  Delivery& delivery_;
  Outcome outcome_;
};

class Delivery {
 public:
  struct Hooks {
    /// Wraps a batch of callbacks, for example to hold an interpreter's lock once for all of them.
    std::function<void(const std::function<void()>&)> around_batch;
    /// A callback has been taken: there is room for one more. No lock of the delivery is held.
    std::function<void()> room;
    Trace* trace = nullptr;
  };
  using Item = std::shared_ptr<CallbackTask>;

  /// @param name  of the thread
  Delivery(const char* name, bool in_order, Hooks hooks);
  ~Delivery();

  /// Starts the callback thread on first use. @throws std::system_error when there can be no more threads
  void start();
  /// A task was accepted; called in ticket order where order matters.
  void expect(const Item& task);
  /// A task's outcome is decided: it counts as undelivered from now on.
  void ended() { ++undelivered_; }
  /// It has its outcome. Any thread.
  void settled(const Item& task);
  /// Finished tasks whose callback has not begun, including those that wait for an earlier one.
  std::size_t undelivered() const { return undelivered_.load(); }
  bool on_callback_thread() const { return thread_id_.load() == std::this_thread::get_id(); }

  /// The thread is to end when everything expected has been delivered.
  void begin_close();
  /// begin_close(), then waits until everything expected has been delivered, at most until `limit`.
  /// @returns whether it came to that
  bool drain(std::optional<Clock::time_point> limit);
  /// begin_close(), then waits for the thread to end. On the callback thread itself it does not wait.
  void close();

 private:
  void work();
  void deliver_batch();
  Item take();

  const char* const name_;
  const bool in_order_;
  const Hooks hooks_;
  std::atomic<std::size_t> undelivered_{0};
  std::atomic<std::thread::id> thread_id_{};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool sleeping_ = false;
  bool closing_ = false;
  bool delivering_ = false;  ///< the thread is at a batch
  std::condition_variable through_;
  std::size_t outstanding_ = 0;  ///< expected and not yet taken
  std::deque<Item> in_flight_;   ///< in ticket order, while order matters
  std::deque<Item> ready_;
  std::mutex thread_mutex_;  ///< guards thread_: start and join
  std::thread thread_;
};

}  // namespace ez_rknn
