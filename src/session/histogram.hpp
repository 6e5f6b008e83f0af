#pragma once
/// Durations, counted in buckets that are an eighth of their value wide: four kilobytes, one increment a duration.
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "ez_rknn/statistics.hpp"

namespace ez_rknn {

/// Guarded by its owner.
class Histogram {
 public:
  void add(std::chrono::nanoseconds duration) {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++buckets_[bucket_of(ns)];
    ++count_;
    sum_ns_ += static_cast<double>(ns);
    max_ns_ = std::max(max_ns_, ns);
  }
  Percentiles percentiles() const {
    if (count_ == 0) return {};
    return {sum_ns_ / static_cast<double>(count_) / 1e6, at(0.5), at(0.9), at(0.99),
            static_cast<double>(max_ns_) / 1e6};
  }

 private:
  static constexpr int kBits = 3;  // 8 buckets an octave
  static constexpr std::uint64_t kPerOctave = 1u << kBits;

  static std::size_t bucket_of(std::uint64_t ns) {
    if (ns < kPerOctave) return ns;
    const int shift = std::bit_width(ns) - 1 - kBits;
    return static_cast<std::size_t>(shift) * kPerOctave + (ns >> shift);
  }
  static std::uint64_t upper_bound(std::size_t bucket) {
    if (bucket < kPerOctave) return bucket;
    const auto shift = bucket / kPerOctave - 1;
    return ((bucket % kPerOctave + kPerOctave + 1) << shift) - 1;
  }
  double at(double quantile) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    std::size_t b = 0;
    while ((seen += buckets_[b]) < wanted) ++b;
    return static_cast<double>(std::min(upper_bound(b), max_ns_)) / 1e6;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kPerOctave> buckets_{};
  std::uint64_t count_ = 0, max_ns_ = 0;
  double sum_ns_ = 0;
};

}  // namespace ez_rknn
