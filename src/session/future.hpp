#pragma once
/// The task behind a Future.
#include <condition_variable>
#include <mutex>

#include "ez_rknn/future.hpp"
#include "session/task.hpp"

namespace ez_rknn {

class FutureTask final : public Task {
 public:
  bool ready() const;
  void wait() const;
  bool wait_until(Clock::time_point limit) const;
  /// The results or the error, once it is ready; once.
  std::vector<Tensor> take();

 private:
  void settle(Outcome outcome) noexcept override;

  mutable std::mutex mutex_;
  mutable std::condition_variable wake_;
  bool ready_ = false;
  Outcome outcome_;
};

/// `limit` from now, or nothing when that is further away than a program lives.
std::optional<Clock::time_point> time_after(std::chrono::nanoseconds limit);

}  // namespace ez_rknn
