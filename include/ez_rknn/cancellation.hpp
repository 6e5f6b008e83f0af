#pragma once
/// Ending calls from another thread.
#include <memory>
#include <string>

#include "ez_rknn/error.hpp"

namespace ez_rknn {

/// The call was ended before its task began.
struct Cancelled : Error {
  explicit Cancelled(const std::string& m) : Error(Code::cancelled, m) {}
};

/// A switch shared by any number of calls, of any number of sessions (RunOptions::cancellation). Copies are one switch.
/// Every member is safe from any thread.
///
/// A task that has not begun when cancel() is called ends at once with the error Cancelled. One that is being executed
/// finishes and delivers its result: no chip interrupts a run, and a result that exists is worth having.
class Cancellation {
 public:
  struct State;
  Cancellation();
  /// Ends the waiting tasks of this switch and refuses later calls (Cancelled) until reset().
  void cancel();
  void reset();
  bool cancelled() const;
  const std::shared_ptr<State>& state() const { return state_; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace ez_rknn
