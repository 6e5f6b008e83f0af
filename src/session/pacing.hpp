#pragma once
/// Spreads submissions evenly: two are at least (moving average of rknn_run) / workers apart.
#include <chrono>

namespace ez_rknn {

/// Guarded by the scheduler's mutex.
class Pacing {
 public:
  using Clock = std::chrono::steady_clock;
  Pacing(bool enabled, std::size_t workers) : enabled_(enabled), workers_(static_cast<double>(workers)) {}

  /// From when on the next submission is let in; the past while nothing has been measured.
  Clock::time_point next() const {
    if (!enabled_ || average_ns_ == 0) return Clock::time_point::min();
    return last_ + std::chrono::nanoseconds(static_cast<std::int64_t>(average_ns_ / workers_));
  }
  void accepted(Clock::time_point now) { last_ = now; }
  void ran(std::chrono::nanoseconds duration) {
    const auto ns = static_cast<double>(duration.count());
    average_ns_ = average_ns_ == 0 ? ns : 0.95 * average_ns_ + 0.05 * ns;
  }

 private:
  const bool enabled_;
  const double workers_;
  double average_ns_ = 0;
  Clock::time_point last_ = Clock::time_point::min();
};

}  // namespace ez_rknn
