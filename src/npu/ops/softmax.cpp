/// Softmax along one axis, in float.
#include <cmath>

#include "npu/ops/check.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/fast_math.hpp"
#include "npu/ops/lanes.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// Per column of a block: the largest element, then x - largest in its place.
void subtract_largest(float* x, std::int64_t length, std::int64_t columns) {
  float largest[32];
  for (std::int64_t c = 0; c < columns; ++c) largest[c] = x[c];
  for (std::int64_t i = 1; i < length; ++i)
    for (std::int64_t c = 0; c < columns; ++c)
      largest[c] = x[i * columns + c] > largest[c] ? x[i * columns + c] : largest[c];
  for (std::int64_t i = 0; i < length; ++i)
    for (std::int64_t c = 0; c < columns; ++c) x[i * columns + c] -= largest[c];
}

void softmax(float* x, std::int64_t length, std::int64_t columns) {
  subtract_largest(x, length, columns);
  for (std::int64_t i = 0; i < length * columns; ++i) x[i] = fast_exp(x[i]);
  float sum[32] = {};
  for (std::int64_t i = 0; i < length; ++i)
    for (std::int64_t c = 0; c < columns; ++c) sum[c] += x[i * columns + c];
  for (std::int64_t c = 0; c < columns; ++c) sum[c] = 1.0f / sum[c];
  for (std::int64_t i = 0; i < length; ++i)
    for (std::int64_t c = 0; c < columns; ++c) x[i * columns + c] *= sum[c];
}

void log_softmax(float* x, std::int64_t length, std::int64_t columns) {
  subtract_largest(x, length, columns);
  double sum[32] = {};
  for (std::int64_t i = 0; i < length; ++i)
    for (std::int64_t c = 0; c < columns; ++c) sum[c] += static_cast<double>(fast_exp(x[i * columns + c]));
  for (std::int64_t c = 0; c < columns; ++c) sum[c] = std::log(sum[c]);
  for (std::int64_t i = 0; i < length; ++i)
    for (std::int64_t c = 0; c < columns; ++c) x[i * columns + c] -= static_cast<float>(sum[c]);
}

/// 1 at the first of the largest elements.
void hardmax(float* x, std::int64_t length, std::int64_t columns) {
  for (std::int64_t c = 0; c < columns; ++c) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < length; ++i)
      if (x[i * columns + c] > x[best * columns + c]) best = i;
    for (std::int64_t i = 0; i < length; ++i) x[i * columns + c] = i == best ? 1.0f : 0.0f;
  }
}

using OnBlock = void (*)(float*, std::int64_t length, std::int64_t columns);

template <OnBlock F>
std::unique_ptr<Operator> make_softmax(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  const Dims shape = node.in(0).shape;
  if (shape.rank() == 0) node.wrong("has no axis to work along");
  const Axes axes{node.axis(-1, shape.rank())};
  node.expect_same_shape(0);
  const std::int64_t length = lane_length(shape, axes);
  return running(
      [axes, shape, length](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        const Nest<1> from_lane = lane_of(in[0], shape, axes), to_lane = lane_of(to, shape, axes);
        auto* block = reinterpret_cast<float*>(scratch.data());
        for_blocks(across_lanes<2>(shape, axes, {in[0], to}), from_lane, length,
                   [&](const auto& at, std::int64_t columns, const auto& step) {
                     load_block(in[0], at[0], from_lane, columns, step[0], block);
                     F(block, length, columns);
                     store_block(to, at[1], to_lane, columns, step[1], block);
                   });
      },
      block_bytes<float>(length));
}

constexpr Entry kEntries[] = {
    {"Hardmax", make_softmax<hardmax>},
    {"LogSoftmax", make_softmax<log_softmax>},
    {"Softmax", make_softmax<softmax>},
    {"exSoftmax13", make_softmax<softmax>},
};

}  // namespace

Family softmax_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
