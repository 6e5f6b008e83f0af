#pragma once
/// One task on its way through the engine.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>

#include "ez_rknn/cancellation.hpp"
#include "ez_rknn/session.hpp"

namespace ez_rknn {

using Clock = std::chrono::steady_clock;

/// A caller that waits for its request. Guarded by the scheduler's mutex, which outlives the wait; so the waiter may
/// vanish the moment it sees `done`.
struct Waiter {
  std::condition_variable wake;
  bool done = false;
  bool refused = false;  ///< what it waited for will not come
};

struct BoundCall;

struct Request {
  /// Guarded by the scheduler's mutex.
  enum class Phase : std::uint8_t {
    made,       ///< not accepted (yet)
    parked,     ///< outside the queue until there is room; no ticket yet
    queued,     ///< has a ticket, waits for a worker
    executing,  ///< a thread is at it
    done,       ///< executed or withdrawn
  };

  BoundCall* bound =
      nullptr;  ///< a bound run: inputs and outputs lie there, and nothing of what follows up to `results` is used

  // What is asked. Checked against the model before the request is made.
  std::span<const InputView> inputs;
  std::span<const int> outputs;  ///< empty: all
  OutputType output_type = OutputType::float32;
  std::size_t shape_set = 0;                   ///< which combination of input shapes; 0 for a static model
  std::shared_ptr<Cancellation::State> group;  ///< null: cannot be cancelled
  std::optional<Clock::time_point> deadline;
  bool bounded = false;  ///< needs room among the undelivered callbacks too

  // What is given. A tensor that already has a buffer is written in place (a slice of a batch).
  std::span<Tensor> results;
  std::exception_ptr error;

  Phase phase = Phase::made;
  std::uint64_t ticket = 0;
  Clock::time_point accepted_at;
  Waiter* waiter = nullptr;  ///< null: `finished` takes over

  bool has_ticket() const { return accepted_at != Clock::time_point{}; }

  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  virtual ~Request() = default;
  /// The scheduler answers for the request from now on. Called once with the scheduler's lock held, in ticket order
  /// unless the request was parked.
  virtual void accepted() {}
  /// Its outcome is decided, and will be given. Called once with the scheduler's lock held, before anybody is let in
  /// for the room it leaves.
  virtual void ended() {}
  /// The last thing the scheduler does with a request that has no waiter: it was executed or withdrawn. Called once,
  /// no lock held. The request may be gone after.
  virtual void finished() noexcept {}
};

}  // namespace ez_rknn
