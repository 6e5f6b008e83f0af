/// Operators that order the elements of a lane: ArgMax, ArgMin, TopK; and those that walk it in order: CumSum, OneHot.
#include <algorithm>
#include <cmath>

#include "npu/ops/copy.hpp"
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/lanes.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// NaN counts as the largest number, so that there is an order at all.
bool less(double a, double b) { return a < b || (b != b && a == a); }

/// Per column of a block the place of its largest (smallest) element, the first or the last of equal ones. The numbers
/// found so far stay beside the places, so that the loop over columns is vector code.
template <class T, bool kLargest, bool kLast>
void find(const T* block, std::int64_t length, std::int64_t columns, std::int64_t* place) {
  T best[32];
  std::int32_t at[32] = {};
  std::copy_n(block, columns, best);
  for (std::int32_t i = 1; i < static_cast<std::int32_t>(length); ++i) {
    const T* x = block + i * columns;
    for (std::int64_t c = 0; c < columns; ++c) {
      const bool above = x[c] > best[c] || (x[c] != x[c] && best[c] == best[c]);
      const bool below = x[c] < best[c] || (x[c] == x[c] && best[c] != best[c]);
      const bool better = kLast ? !(kLargest ? below : above) : (kLargest ? above : below);
      best[c] = better ? x[c] : best[c];
      at[c] = better ? i : at[c];
    }
  }
  std::copy_n(at, columns, place);
}

std::unique_ptr<Operator> make_arg(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  const Dims shape = node.in(0).shape;
  if (shape.rank() == 0) node.wrong("has no axis to search along");
  const Axes axes{node.axis(0, shape.rank())};
  Dims kept = shape;
  kept[axes[0]] = 1;
  node.expect_output(0, kept);
  const std::int64_t length = lane_length(shape, axes);
  if (length == 0 && kept.elements() > 0) node.wrong("searches an empty axis");
  const bool largest = node.type() == "ArgMax", last = node.attributes().integer("select_last_index", 0) != 0;
  const auto make = [&]<class T>(T) {
    const auto search = largest ? (last ? find<T, true, true> : find<T, true, false>)
                                : (last ? find<T, false, true> : find<T, false, false>);
    return running(
        [=](Inputs in, Outputs out, Scratch scratch) {
          const TensorView to = with_shape(out[0], kept);
          const Nest<1> lane = lane_of(in[0], shape, axes);
          auto* block = reinterpret_cast<T*>(scratch.data());
          for_blocks(across_lanes<2>(shape, axes, {in[0], to}), lane, length,
                     [&](const auto& at, std::int64_t columns, const auto& step) {
                       load_block(in[0], at[0], lane, columns, step[0], block);
                       std::int64_t place[32];
                       search(block, length, columns, place);
                       store_row(to, at[1], step[1], columns, place);
                     });
        },
        block_bytes<T>(length));
  };
  return number_for({&node.in(0)}) == Number::f32 ? make(float{}) : make(double{});
}

struct Ranked {
  double value;
  std::int64_t index;
};

std::unique_ptr<Operator> make_top_k(const NodeSpec& spec) {
  const Checked node(spec, 1, 2, 1, 2);
  const Dims shape = node.in(0).shape;
  if (shape.rank() == 0) node.wrong("has no axis to search along");
  const Axes axes{node.axis(-1, shape.rank())};
  const std::int64_t length = lane_length(shape, axes);
  const std::int64_t k = node.has_input(1) ? to_int64(node.scalar(1, "k")) : node.attributes().integer("k", 0);
  if (k < 0 || k > length) node.wrong("asks for " + std::to_string(k) + " of " + std::to_string(length) + " elements");
  Dims kept = shape;
  kept[axes[0]] = k;
  for (int i = 0; i < node.outputs(); ++i)
    if (node.has_output(i)) node.expect_output(i, kept);
  const bool largest = node.attributes().integer("largest", 1) != 0;
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        auto* values = reinterpret_cast<double*>(scratch.data());
        auto* ranked = reinterpret_cast<Ranked*>(values + length);
        const Nest<1> lane = lane_of(in[0], shape, axes);
        const TensorView none{nullptr, DType::f32, kept, dense_strides(kept), {}};
        const std::array<TensorView, 2> to{out[0] ? with_shape(out[0], kept) : none,
                                           out.size() > 1 && out[1] ? with_shape(out[1], kept) : none};
        across_lanes<3>(shape, axes, {in[0], to[0], to[1]}).rows([&](auto at, std::int64_t n, const auto& step) {
          for (std::int64_t row = 0; row < n; ++row) {
            load_block(in[0], at[0], lane, 1, 0, values);
            for (std::int64_t i = 0; i < length; ++i) ranked[i] = {values[i], i};
            // Equal elements keep their order.
            std::partial_sort(ranked, ranked + k, ranked + length, [&](const Ranked& a, const Ranked& b) {
              if (less(a.value, b.value)) return !largest;
              if (less(b.value, a.value)) return largest;
              return a.index < b.index;
            });
            for (std::int64_t i = 0; i < k; ++i) {
              if (to[0]) store_row(to[0], at[1] + i * to[0].strides[axes[0]], 0, 1, &ranked[i].value);
              if (to[1]) store_row(to[1], at[2] + i * to[1].strides[axes[0]], 0, 1, &ranked[i].index);
            }
            for (std::size_t o = 0; o < 3; ++o) at[o] += step[o];
          }
        });
      },
      static_cast<std::size_t>(length) * (sizeof(double) + sizeof(Ranked)));
}

std::unique_ptr<Operator> make_cum_sum(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims shape = node.in(0).shape;
  if (shape.rank() == 0) node.wrong("has no axis to sum along");
  const Axes axes{node.axis_of(to_int64(node.scalar(1, "axis")), shape.rank())};
  node.expect_same_shape(0);
  const bool exclusive = node.attributes().integer("exclusive", 0) != 0;
  const bool reverse = node.attributes().integer("reverse", 0) != 0;
  const std::int64_t length = lane_length(shape, axes);
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        const Nest<1> from_lane = lane_of(in[0], shape, axes), to_lane = lane_of(to, shape, axes);
        auto* block = reinterpret_cast<double*>(scratch.data());
        for_blocks(across_lanes<2>(shape, axes, {in[0], to}), from_lane, length,
                   [&](const auto& at, std::int64_t columns, const auto& step) {
                     load_block(in[0], at[0], from_lane, columns, step[0], block);
                     double sum[32] = {};
                     for (std::int64_t i = 0; i < length; ++i) {
                       double* row = block + (reverse ? length - 1 - i : i) * columns;
                       for (std::int64_t c = 0; c < columns; ++c) {
                         const double before = sum[c];
                         sum[c] += row[c];
                         row[c] = exclusive ? before : sum[c];
                       }
                     }
                     store_block(to, at[1], to_lane, columns, step[1], block);
                   });
      },
      block_bytes<double>(length));
}

/// The off-value everywhere, then the on-value where an index says so; an index outside the depth leaves a lane off.
std::unique_ptr<Operator> make_one_hot(const NodeSpec& spec) {
  const Checked node(spec, 3, 3);
  const Dims indices = node.in(0).shape;
  const double depth = node.scalar(1, "depth");
  const int axis = node.axis(-1, indices.rank() + 1);
  if (indices.rank() >= Dims::kMax || !(depth >= 0 && depth < 0x1p31)) node.wrong("has an impossible depth");
  if (node.in(2).shape.elements() != 2) node.wrong("has values of shape " + to_string(node.in(2).shape));
  const auto size = static_cast<std::int64_t>(depth);
  Dims shape;
  for (int i = 0; i <= indices.rank(); ++i) shape.push_back(i == axis ? size : indices[i < axis ? i : i - 1]);
  node.expect_output(0, shape);
  return running([=](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    double values[2];
    load_row(in[2], 0, 0, 1, &values[0]);
    for (int d = 0; d < in[2].shape.rank(); ++d)
      if (in[2].shape[d] == 2) load_row(in[2], in[2].strides[d], 0, 1, &values[1]);
    fill(to, values[0]);
    Nest<2> nest;
    for (int i = 0, d = 0; i <= indices.rank(); ++i)
      if (i != axis) nest.add(indices[d], {in[0].strides[d], to.strides[i]}), ++d;
    nest.walk(nest.rank(), [&](const auto& at) {
      std::int64_t index = 0;
      load_row(in[0], at[0], 0, 1, &index);
      if (index < 0) index += size;
      if (index >= 0 && index < size) store_row(to, at[1] + index * to.strides[axis], 0, 1, &values[1]);
    });
  });
}

constexpr Entry kEntries[] = {
    {"ArgMax", make_arg},     {"ArgMin", make_arg}, {"CumSum", make_cum_sum},
    {"OneHot", make_one_hot}, {"TopK", make_top_k},
};

}  // namespace

Family rank_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
