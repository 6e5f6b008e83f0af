/// Norms whose statistics are not those of the run: BatchNormalization (given) and LRN (of neighbouring channels).
#include <cmath>

#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/lanes.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// Scale and shift per channel, folded at load.
std::unique_ptr<Operator> make_batch_norm(const NodeSpec& spec) {
  const Checked node(spec, 5, 5, 1, 5);
  const Dims shape = node.in(0).shape;
  if (shape.rank() < 2) node.wrong("has no channels in shape " + to_string(shape));
  for (int i = 1; i < node.outputs(); ++i)
    if (node.has_output(i)) node.missing("training outputs");
  node.expect_same_shape(0);
  const auto scale = node.reals(1, "scale"), bias = node.reals(2, "bias"), mean = node.reals(3, "mean"),
             variance = node.reals(4, "variance");
  const auto channels = static_cast<std::size_t>(shape[1]);
  for (const auto* v : {&scale, &bias, &mean, &variance})
    if (v->size() != channels)
      node.wrong("has " + std::to_string(v->size()) + " parameters for " + std::to_string(channels) + " channels");
  const double eps = node.attributes().real("epsilon", 1e-5);
  std::vector<float> factor, shift;
  for (std::size_t c = 0; c < channels; ++c) {
    const double f = scale[c] / std::sqrt(variance[c] + eps);
    factor.push_back(static_cast<float>(f)), shift.push_back(static_cast<float>(bias[c] - mean[c] * f));
  }
  Dims per_channel{shape[1]};
  for (int i = 2; i < shape.rank(); ++i) per_channel.push_back(1);
  const bool relu = node.type().ends_with("Relu");
  const Number number = number_for({&node.in(0), &node.out()});
  return running([=](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    const auto view = [&](const std::vector<float>& v) {
      return ConstTensorView{
          reinterpret_cast<const std::byte*>(v.data()), DType::f32, per_channel, dense_strides(per_channel), {}};
    };
    const auto compute = [&]<class T>(T) {
      compute_rows<T, 3>({in[0], view(factor), view(shift)}, to, [&](const T* const(&x)[3], T* y, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) y[i] = x[0][i] * x[1][i] + x[2][i];
        if (relu)
          for (std::int64_t i = 0; i < n; ++i) y[i] = y[i] < T{0} ? T{0} : y[i];
      });
    };
    if (number == Number::f32) compute(float{});
    else compute(double{});
  });
}

/// x / (bias + alpha / size * sum of the squares of `size` channels around it) ^ beta
std::unique_ptr<Operator> make_lrn(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  const Dims shape = node.in(0).shape;
  if (shape.rank() < 2) node.wrong("has no channels in shape " + to_string(shape));
  node.expect_same_shape(0);
  const auto& attributes = node.attributes();
  const std::int64_t size = attributes.integer("size", 1);
  if (size < 1 || size > INT32_MAX) node.wrong("has size " + std::to_string(size));
  const double factor = attributes.real("alpha", 1e-4) / static_cast<double>(size);
  const double beta = attributes.real("beta", 0.75), bias = attributes.real("bias", 1);
  const Axes axes{1};
  const std::int64_t length = shape[1], below = (size - 1) / 2, above = size / 2;
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        const Nest<1> from_lane = lane_of(in[0], shape, axes), to_lane = lane_of(to, shape, axes);
        auto* x = reinterpret_cast<double*>(scratch.data());
        auto* y = reinterpret_cast<double*>(scratch.data() + block_bytes<double>(length));
        for_blocks(across_lanes<2>(shape, axes, {in[0], to}), from_lane, length,
                   [&](const auto& at, std::int64_t columns, const auto& step) {
                     load_block(in[0], at[0], from_lane, columns, step[0], x);
                     const auto square = [&](std::int64_t i, std::int64_t c) {
                       const double v = i < 0 || i >= length ? 0 : x[i * columns + c];
                       return v * v;
                     };
                     for (std::int64_t c = 0; c < columns; ++c) {
                       double sum = 0;  // of a window that slides over the channels
                       for (std::int64_t i = 0; i < std::min(above, length); ++i) sum += square(i, c);
                       for (std::int64_t i = 0; i < length; ++i) {
                         sum += square(i + above, c);
                         y[i * columns + c] = x[i * columns + c] / std::pow(bias + factor * sum, beta);
                         sum -= square(i - below, c);
                       }
                     }
                     store_block(to, at[1], to_lane, columns, step[1], y);
                   });
      },
      2 * block_bytes<double>(length));
}

constexpr Entry kEntries[] = {
    {"BatchNormalization", make_batch_norm},
    {"BatchNormalizationRelu", make_batch_norm},
    {"LRN", make_lrn},
};

}  // namespace

Family channel_norm_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
