/// Conv as ONNX describes it, from plain float weights: the compiler leaves it so where it was told to use the CPU
/// (`op_target`). Convolutions of the NPU run from their registers (src/npu/plan/conv.cpp).
#include <algorithm>
#include <cmath>

#include "npu/ops/family.hpp"
#include "npu/ops/indices.hpp"
#include "npu/ops/packed_weights.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// Always three spatial dimensions; those that are not there are 1.
using Sizes = std::array<std::int64_t, 3>;

struct Convolution {
  std::int64_t batch = 0, in_channels = 0, out_channels = 0, groups = 1;
  Sizes in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, pad{0, 0, 0};
  Dims shape;  ///< of the output
  std::vector<float> weights, bias;

  std::int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  std::int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
  std::size_t x_bytes() const {
    return whole_lines(static_cast<std::size_t>(batch * in_channels * in_pixels()) * sizeof(float));
  }
  std::size_t bytes() const {
    return x_bytes() + whole_lines(static_cast<std::size_t>(batch * out_channels * out_pixels()) * sizeof(float));
  }

  void operator()(Inputs given, Outputs result, Scratch scratch) const {
    const auto* x = dense_like(given[0], DType::f32, {}, scratch).as<float>();
    const TensorView to{scratch.data() + x_bytes(), DType::f32, shape, dense_strides(shape), {}};
    auto* y = to.as<float>();
    const std::int64_t per_group = in_channels / groups, out_per_group = out_channels / groups;
    const std::int64_t taps = kernel[0] * kernel[1] * kernel[2];
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t o = 0; o < out_channels; ++o, y += out_pixels()) {
        std::fill_n(y, out_pixels(), bias.empty() ? 0.0f : bias[static_cast<std::size_t>(o)]);
        for (std::int64_t i = 0; i < per_group; ++i)
          add_plane(x + (n * in_channels + o / out_per_group * per_group + i) * in_pixels(),
                    weights.data() + (o * per_group + i) * taps, y);
      }
    copy(to, with_shape(result[0], shape));
  }

  /// y += one input channel with one kernel
  void add_plane(const float* x, const float* w, float* y) const {
    for (std::int64_t a = 0; a < kernel[0]; ++a)
      for (std::int64_t b = 0; b < kernel[1]; ++b)
        for (std::int64_t c = 0; c < kernel[2]; ++c, ++w) {
          const Range za = range(0, a), zb = range(1, b), zc = range(2, c);
          for (std::int64_t p = za.first; p < za.last; ++p)
            for (std::int64_t q = zb.first; q < zb.last; ++q) {
              const float* from = x + (source(0, p, a) * in[1] + source(1, q, b)) * in[2];
              float* line = y + (p * out[1] + q) * out[2];
              for (std::int64_t r = zc.first; r < zc.last; ++r) line[r] += *w * from[source(2, r, c)];
            }
        }
  }

 private:
  struct Range {
    std::int64_t first, last;
  };
  std::int64_t source(std::size_t axis, std::int64_t o, std::int64_t tap) const {
    return o * stride[axis] + tap * dilation[axis] - pad[axis];
  }
  /// The outputs for which a tap lies inside the input.
  Range range(std::size_t axis, std::int64_t tap) const {
    const std::int64_t shift = pad[axis] - tap * dilation[axis];  // o * stride >= shift, o * stride < in + shift
    const std::int64_t s = stride[axis];
    const std::int64_t first = shift > 0 ? (shift + s - 1) / s : 0, beyond = in[axis] + shift;
    return {first, std::min(out[axis], beyond > 0 ? (beyond + s - 1) / s : 0)};
  }
};

std::vector<std::int64_t> list_of(const Checked& node, const char* name, std::size_t size, std::int64_t fallback,
                                  std::int64_t least) {
  auto v = node.attributes().integers(name);
  if (v.empty()) v.assign(size, fallback);
  if (v.size() != size)
    node.wrong("has " + std::to_string(v.size()) + " " + name + ", expected " + std::to_string(size));
  for (auto n : v)
    if (n < least || n > (1 << 24)) node.wrong(std::string("has ") + name + " of " + std::to_string(n));
  return v;
}

std::vector<float> floats(const Checked& node, int i, const char* what) {
  const auto numbers = node.reals(i, what);
  return {numbers.begin(), numbers.end()};
}

std::unique_ptr<Operator> make_convolution(const NodeSpec& spec) {
  const Checked node(spec, 2, 3);
  const Dims x = node.in(0).shape, w = node.in(1).shape;
  const int spatial = x.rank() - 2;
  if (spatial < 1 || spatial > 3 || w.rank() != x.rank())
    node.wrong("convolves " + to_string(x) + " with " + to_string(w));
  const std::string auto_pad = node.attributes().text("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID") node.missing("auto_pad \"" + auto_pad + "\"");
  const auto n = static_cast<std::size_t>(spatial);
  const auto strides = list_of(node, "strides", n, 1, 1), dilations = list_of(node, "dilations", n, 1, 1),
             pads = list_of(node, "pads", 2 * n, 0, 0);
  Convolution op;
  op.groups = node.attributes().integer("group", 1);
  op.batch = x[0], op.in_channels = x[1], op.out_channels = w[0];
  if (op.groups < 1 || op.in_channels % op.groups != 0 || op.out_channels % op.groups != 0 ||
      w[1] != op.in_channels / op.groups)
    node.wrong("convolves " + to_string(x) + " with " + to_string(w) + " in " + std::to_string(op.groups) + " groups");
  op.shape = {x[0], w[0]};
  for (std::size_t i = 0; i < n; ++i) {
    const int d = static_cast<int>(i) + 2;
    const std::size_t at = 3 - n + i;
    op.in[at] = x[d], op.kernel[at] = w[d], op.stride[at] = strides[i], op.dilation[at] = dilations[i];
    op.pad[at] = pads[i];
    const std::int64_t room = x[d] + pads[i] + pads[n + i] - dilations[i] * (w[d] - 1) - 1;
    if (room < 0) node.wrong("has a kernel of " + to_string(w) + " for an input of " + to_string(x));
    op.out[at] = room / strides[i] + 1;
    op.shape.push_back(op.out[at]);
  }
  node.expect_output(0, op.shape);
  op.weights = floats(node, 1, "weights");
  round_as_recorded(node, 1, op.weights);
  if (node.has_input(2)) op.bias = floats(node, 2, "biases");
  if (!op.bias.empty() && op.bias.size() != static_cast<std::size_t>(op.out_channels))
    node.wrong("has " + std::to_string(op.bias.size()) + " biases for " + std::to_string(op.out_channels) +
               " channels");
  const auto bytes = op.bytes();
  return running(std::move(op), bytes);
}

constexpr Entry kEntries[] = {{"Conv", make_convolution}};

}  // namespace

Family convolution_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
