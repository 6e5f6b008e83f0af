#pragma once
/// Lanes: the elements of a tensor along one or several axes, for operators that need all of them at once (Softmax,
/// norms, TopK) or in order (CumSum). Lanes whose neighbours share cache lines are taken together, as the columns of a
/// block: element i of column c at block[i * columns + c].
#include <algorithm>
#include <vector>

#include "core/aligned.hpp"
#include "npu/ops/nest.hpp"
#include "npu/ops/rows.hpp"

namespace ez_rknn::npu::ops {

using Axes = std::vector<int>;  ///< sorted

/// The loops along `axes` of one operand that is broadcast to `shape`, in logical order.
template <class Byte>
Nest<1> lane_of(const BasicTensorView<Byte>& view, const Dims& shape, const Axes& axes) {
  Nest<1> lane;
  for (int a : axes) lane.add(shape[a], {broadcast_stride(view, a, shape.rank())});
  return lane;
}

/// The loops along all other axes, of K operands at once; tidy for operand 0.
template <std::size_t K>
Nest<int(K)> across_lanes(const Dims& shape, const Axes& axes, const std::array<ConstTensorView, K>& views) {
  Nest<int(K)> nest;
  for (int i = 0; i < shape.rank(); ++i) {
    if (std::binary_search(axes.begin(), axes.end(), i)) continue;
    typename Nest<int(K)>::Steps step;
    for (std::size_t k = 0; k < K; ++k) step[k] = broadcast_stride(views[k], i, shape.rank());
    nest.add(shape[i], step);
  }
  nest.tidy(0);
  return nest;
}

inline std::int64_t lane_length(const Dims& shape, const Axes& axes) {
  std::int64_t n = 1;
  for (int a : axes) n *= shape[a];
  return n;
}

/// Columns of a block: enough to fill cache lines, few enough to stay in the second-level cache.
inline std::int64_t max_columns(std::int64_t length) {
  return std::clamp<std::int64_t>(65536 / std::max<std::int64_t>(length, 1), 1, 32);
}
template <class T>
std::size_t block_bytes(std::int64_t length) {
  return whole_lines(static_cast<std::size_t>(length * max_columns(length)) * sizeof(T));
}

/// body(at, columns, column_step) for blocks of lanes. One column when a lane is contiguous itself and long enough to
/// keep vector loops busy.
template <int K, class Body>
void for_blocks(const Nest<K>& across, const Nest<1>& lane, std::int64_t length, Body body) {
  std::ptrdiff_t lane_step = lane.rank() ? PTRDIFF_MAX : 0;
  for (int i = 0; i < lane.rank(); ++i) lane_step = std::min(lane_step, lane.step(i)[0]);
  across.rows([&](const auto& at, std::int64_t n, const auto& step) {
    const std::int64_t width = (lane_step <= step[0] && length >= 64) || length == 0 ? 1 : max_columns(length);
    auto block = at;
    for (std::int64_t i = 0; i < n; i += width) {
      body(std::as_const(block), std::min(width, n - i), step);
      for (std::size_t k = 0; k < block.size(); ++k) block[k] += width * step[k];
    }
  });
}

template <class T>
void load_block(const ConstTensorView& view, std::ptrdiff_t at, const Nest<1>& lane, std::int64_t columns,
                std::ptrdiff_t column_step, T* to) {
  if (columns == 1)
    lane.rows(
        [&](const auto& a, std::int64_t n, const auto& step) { load_row(view, at + a[0], step[0], n, to), to += n; });
  else
    lane.walk(lane.rank(), [&](const auto& a) { load_row(view, at + a[0], column_step, columns, to), to += columns; });
}

template <class T>
void store_block(const TensorView& view, std::ptrdiff_t at, const Nest<1>& lane, std::int64_t columns,
                 std::ptrdiff_t column_step, const T* from) {
  if (columns == 1)
    lane.rows([&](const auto& a, std::int64_t n, const auto& step) {
      store_row(view, at + a[0], step[0], n, from), from += n;
    });
  else
    lane.walk(lane.rank(),
              [&](const auto& a) { store_row(view, at + a[0], column_step, columns, from), from += columns; });
}

}  // namespace ez_rknn::npu::ops
