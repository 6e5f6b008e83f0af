#pragma once
/// A nest of loops over K strided operands at once. Sizes and strides are added in any order; the nest drops loops of
/// one turn, puts the outputs' neighbours innermost and joins loops that are one in memory, so that the body sees rows
/// as long as the layouts allow whatever the logical order of the dimensions is.
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/tensor_view.hpp"

namespace ez_rknn::npu::ops {

template <int K>
class Nest {
 public:
  using Steps = std::array<std::ptrdiff_t, K>;
  /// Every dimension of a tensor in two parts (Tile, Reshape), and a few to spare.
  static constexpr int kMax = 2 * Dims::kMax + 8;

  /// One more loop. Its effect is the same wherever it stands in the nest.
  void add(std::int64_t size, const Steps& step) {
    if (size == 1) return;
    if (size <= 0) empty_ = true;
    if (rank_ < kMax) loops_[static_cast<std::size_t>(rank_++)] = {size, step};
  }

  /// Orders and joins the loops. `lead` is the operand whose neighbours become rows: the output.
  void tidy(int lead = K - 1) {
    const auto reach = [&](const Loop& l, int k) { return l.step[k] < 0 ? -l.step[k] : l.step[k]; };
    const auto outside = [&](const Loop& a, const Loop& b) {
      if (reach(a, lead) != reach(b, lead)) return reach(a, lead) > reach(b, lead);
      return reach(a, 0) > reach(b, 0);
    };
    for (int i = 1; i < rank_; ++i)  // insertion sort: equal loops keep the order they were added in
      for (int j = i; j > 0 && outside(at(j), at(j - 1)); --j) std::swap(at(j), at(j - 1));
    int kept = 0;
    for (int i = 1; i < rank_; ++i) {
      if (joins(at(kept), at(i))) at(kept) = {at(kept).size * at(i).size, at(i).step};
      else at(++kept) = at(i);
    }
    if (rank_ > 0) rank_ = kept + 1;
    // Rows of three channels cost more than strided rows of a whole image line.
    if (rank_ > 1 && at(rank_ - 1).size < kShort) {
      int longest = rank_ - 1;
      for (int i = rank_ - 2; i >= 0; --i)
        if (at(i).size > 4 * at(longest).size) longest = i;
      for (int i = longest; i + 1 < rank_; ++i) std::swap(at(i), at(i + 1));
    }
  }

  int rank() const { return rank_; }
  bool empty() const { return empty_; }
  std::int64_t size(int i) const { return loops_[static_cast<std::size_t>(i)].size; }
  const Steps& step(int i) const { return loops_[static_cast<std::size_t>(i)].step; }

  /// body(at, n, step): n elements from offsets `at` on, `step` apart, for all but the innermost loop.
  template <class Body>
  void rows(Body body) const {
    const int inner = rank_ - 1;
    if (inner <= 0 && !empty_) return body(Steps{}, inner < 0 ? 1 : size(0), inner < 0 ? Steps{} : step(0));
    walk(inner, [&](const Steps& at) { body(at, size(inner), step(inner)); });
  }

  /// body(at) for every turn of the `loops` outermost loops.
  template <class Body>
  void walk(int loops, Body body) const {
    if (empty_) return;
    std::array<std::int64_t, kMax> turn;
    for (int i = 0; i < loops; ++i) turn[static_cast<std::size_t>(i)] = 0;
    Steps at{};
    for (;;) {
      body(std::as_const(at));
      int i = loops - 1;
      for (; i >= 0; --i) {
        const Loop& l = loops_[static_cast<std::size_t>(i)];
        std::int64_t& t = turn[static_cast<std::size_t>(i)];
        if (++t < l.size) {
          for (int k = 0; k < K; ++k) at[k] += l.step[k];
          break;
        }
        for (int k = 0; k < K; ++k) at[k] -= l.step[k] * (l.size - 1);
        t = 0;
      }
      if (i < 0) return;
    }
  }

 private:
  struct Loop {
    std::int64_t size;
    Steps step;
  };
  static constexpr std::int64_t kShort = 8;

  Loop& at(int i) { return loops_[static_cast<std::size_t>(i)]; }
  static bool joins(const Loop& outer, const Loop& inner) {
    for (int k = 0; k < K; ++k)
      if (outer.step[k] != inner.step[k] * inner.size) return false;
    return true;
  }

  std::array<Loop, kMax> loops_;  // only the first rank_ are set: nests are made often
  int rank_ = 0;
  bool empty_ = false;
};

/// The stride of dimension i of `shape` in a view that is broadcast to it by numpy's rule (right-aligned, ones repeat).
template <class Byte>
std::ptrdiff_t broadcast_stride(const BasicTensorView<Byte>& view, int i, int rank) {
  const int own = i - (rank - view.shape.rank());
  return own < 0 || view.shape[own] == 1 ? 0 : view.strides[own];
}

}  // namespace ez_rknn::npu::ops
