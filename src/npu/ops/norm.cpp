/// Normalisations over lanes: exNorm (the compiler's layer and L2 norms) and ONNX's own.
#include <cmath>

#include "npu/ops/check.hpp"
#include "npu/ops/columns.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/lanes.hpp"

namespace ez_rknn::npu::ops {
namespace {

enum class Kind { layer, rms, l1, l2, deviation };

/// Columns of lanes, and room for as many parameters.
struct Block {
  float *x, *parameters;
  std::int64_t length, columns;

  /// x = f(x, parameter); without a parameter's view nothing.
  template <class F>
  void combine(const ConstTensorView& v, std::ptrdiff_t at, const Nest<1>& lane, std::ptrdiff_t step, F f) const {
    if (!v) return;
    const bool shared = step == 0;  // by all columns
    load_block(v, at, lane, shared ? 1 : columns, step, parameters);
    if (shared && columns > 1) {
      for (std::int64_t i = 0; i < length; ++i)
        for (std::int64_t c = 0; c < columns; ++c) x[i * columns + c] = f(x[i * columns + c], parameters[i]);
    } else {
      for (std::int64_t i = 0; i < length * columns; ++i) x[i] = f(x[i], parameters[i]);
    }
  }
};

struct Norm {
  Kind kind = Kind::layer;
  double eps = 0;
  Dims shape;  ///< the data's, perhaps with the channels split into groups
  Axes axes;
  int scale = -1, bias = -1;  ///< operands, or -1
  Dims parameter_shape;       ///< of group norms: how scale and bias, each a row, are broadcast to `shape`

  std::size_t scratch_bytes() const { return 2 * block_bytes<float>(lane_length(shape, axes)); }

  void operator()(Inputs in, Outputs out, Scratch scratch) const {
    const ConstTensorView from = regrouped(in[0]), none{};
    const TensorView to = regrouped(out[0]);
    const ConstTensorView w = scale < 0 ? none : parameter(in[static_cast<std::size_t>(scale)]);
    const ConstTensorView b = bias < 0 ? none : parameter(in[static_cast<std::size_t>(bias)]);
    const std::int64_t length = lane_length(shape, axes);
    const auto lane = lane_of(from, shape, axes), to_lane = lane_of(to, shape, axes);
    const auto w_lane = lane_of(w, shape, axes), b_lane = lane_of(b, shape, axes);
    auto* x = reinterpret_cast<float*>(scratch.data());
    auto* p = reinterpret_cast<float*>(scratch.data() + block_bytes<float>(length));
    for_blocks(across_lanes<4>(shape, axes, {from, to, w, b}), lane, length,
               [&](const auto& at, std::int64_t columns, const auto& step) {
                 load_block(from, at[0], lane, columns, step[0], x);
                 normalise(x, length, columns);
                 const Block block{x, p, length, columns};
                 block.combine(w, at[2], w_lane, step[2], [](float a, float s) { return a * s; });
                 block.combine(b, at[3], b_lane, step[3], [](float a, float s) { return a + s; });
                 store_block(to, at[1], to_lane, columns, step[1], x);
               });
  }

  void normalise(float* x, std::int64_t length, std::int64_t columns) const {
    double mean[32] = {}, power[32];
    const auto add = [](double a, double b) { return a + b; };
    if (kind == Kind::layer || kind == Kind::deviation) {
      fold_columns(
          x, length, columns, 0.0, mean, [](double a, float b, auto) { return a + static_cast<double>(b); }, add);
      for (std::int64_t c = 0; c < columns; ++c) mean[c] /= static_cast<double>(length);
    }
    const auto sum_of = [&](auto measure) {
      fold_columns(
          x, length, columns, 0.0, power,
          [&](double a, float b, std::int64_t c) { return a + measure(static_cast<double>(b) - mean[c]); }, add);
    };
    if (kind == Kind::l1) sum_of([](double d) { return std::abs(d); });
    else sum_of([](double d) { return d * d; });
    float shift[32], factor[32];
    for (std::int64_t c = 0; c < columns; ++c) {
      shift[c] = static_cast<float>(mean[c]);
      factor[c] = static_cast<float>(factor_of(power[c], static_cast<double>(length)));
    }
    with_columns(x, length, columns, [&](float v, std::int64_t c) { return (v - shift[c]) * factor[c]; });
  }

  double factor_of(double power, double length) const {
    switch (kind) {
      case Kind::layer:
      case Kind::rms: return 1 / std::sqrt(power / length + eps);
      case Kind::deviation: return 1 / (std::sqrt(power / length) + eps);
      case Kind::l1: return power > eps ? 1 / power : 0;
      case Kind::l2: return std::sqrt(power) > eps ? 1 / std::sqrt(power) : eps > 0 ? 1 / eps : 0;
    }
    return 0;
  }

  /// The data with the dimensions of `shape`: as it is, or with dimension 1 split.
  template <class View>
  View regrouped(const View& view) const {
    if (parameter_shape.rank() == 0) return with_shape(view, shape);
    View v = view;
    v.shape = shape, v.strides = shape;
    for (int i = 0; i < shape.rank(); ++i) v.strides[i] = i == 0 ? view.strides[0] : view.strides[std::max(1, i - 1)];
    v.strides[1] = view.strides[1] * shape[2];
    return v;
  }
  /// A row of numbers a channel or group, read as parameter_shape; any other parameter is broadcast as it is.
  ConstTensorView parameter(ConstTensorView view) const {
    if (parameter_shape.rank() == 0) return view;
    const std::int64_t step = view.strides[0];
    view.shape = parameter_shape, view.strides = dense_strides(parameter_shape);
    for (auto& s : view.strides) s *= step;
    return view;
  }
};

std::unique_ptr<Operator> finish(const Checked& node, Norm op) {
  for (int i = 1; i < node.outputs(); ++i)
    if (node.has_output(i)) node.missing("a second output");
  const auto bytes = op.scratch_bytes();
  return running(std::move(op), bytes);
}

void expect_parameter(const Checked& node, int i, std::int64_t elements) {
  if (node.in(i).shape.elements() != elements)
    node.wrong("has a parameter of shape " + to_string(node.in(i).shape) + ", expected " + std::to_string(elements) +
               " numbers");
}

/// Scale and bias are any constants after the data, broadcast by numpy's rule.
std::unique_ptr<Operator> make_ex_norm(const NodeSpec& spec) {
  const Checked node(spec, 1, 8);
  const std::string mode = node.attributes().text("mode", "layer");
  Norm op;
  if (mode == "layer") op.kind = Kind::layer;
  else if (mode == "rms") op.kind = Kind::rms;
  else if (mode == "l2") op.kind = Kind::l2;
  else if (mode == "l1") op.kind = Kind::l1;
  else node.missing("mode \"" + mode + "\"");
  op.eps = node.attributes().real("eps", 0);
  op.shape = node.in(0).shape;
  op.axes = node.axes_of(node.attributes().integers("axes", {1}), op.shape.rank());
  node.expect_same_shape(0);
  for (int i = 1; i < node.inputs(); ++i) {
    if (!node.has_input(i)) continue;
    if (!node.is_constant(i)) node.missing("a scale or bias computed by the network");
    if (op.bias >= 0) node.missing("a third parameter");
    (op.scale < 0 ? op.scale : op.bias) = i;
    const Dims together = node.broadcast({0, i});
    if (!(together == op.shape)) node.wrong("has a parameter of shape " + to_string(node.in(i).shape));
  }
  return finish(node, std::move(op));
}

std::unique_ptr<Operator> make_layer_norm(const NodeSpec& spec) {
  const Checked node(spec, 1, 3, 1, 3);
  Norm op;
  op.kind = node.type() == "RMSNormalization" ? Kind::rms : Kind::layer;
  op.eps = node.attributes().real("epsilon", 1e-5);
  op.shape = node.in(0).shape;
  for (int a = node.axis(-1, op.shape.rank()); a < op.shape.rank(); ++a) op.axes.push_back(a);
  node.expect_same_shape(0);
  for (int i = 1; i < 3; ++i) {
    if (!node.has_input(i)) continue;
    (i == 1 ? op.scale : op.bias) = i;
    if (!(node.broadcast({0, i}) == op.shape)) node.wrong("has a parameter of shape " + to_string(node.in(i).shape));
  }
  return finish(node, std::move(op));
}

/// InstanceNormalization is a group norm with a group a channel.
std::unique_ptr<Operator> make_group_norm(const NodeSpec& spec) {
  const Checked node(spec, 3, 3);
  const Dims shape = node.in(0).shape;
  if (shape.rank() < 3 || shape.rank() >= Dims::kMax) node.missing("rank " + std::to_string(shape.rank()));
  const bool instance = node.type() == "InstanceNormalization";
  const std::int64_t groups = instance ? shape[1] : node.attributes().integer("num_groups", 1);
  if (groups < 1 || shape[1] % groups != 0)
    node.wrong("has " + std::to_string(groups) + " groups of " + std::to_string(shape[1]) + " channels");
  node.expect_same_shape(0);
  Norm op;
  op.eps = node.attributes().real("epsilon", 1e-5);
  op.scale = 1, op.bias = 2;
  op.shape = {shape[0], groups, shape[1] / groups};
  op.parameter_shape = {1, groups, shape[1] / groups};
  for (int i = 2; i < shape.rank(); ++i) op.shape.push_back(shape[i]), op.parameter_shape.push_back(1);
  for (int i = 2; i < op.shape.rank(); ++i) op.axes.push_back(i);
  // Opset 18 gave one scale a group, 21 one a channel.
  if (node.in(1).shape.elements() == groups) op.parameter_shape[2] = 1;
  for (int i : {1, 2}) expect_parameter(node, i, op.parameter_shape.elements());
  for (int i : {1, 2})
    if (node.in(i).rank() != 1) node.wrong("has a parameter of shape " + to_string(node.in(i).shape));
  return finish(node, std::move(op));
}

std::unique_ptr<Operator> make_lp_norm(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  Norm op;
  const std::int64_t p = node.attributes().integer("p", 2);
  if (p != 1 && p != 2) node.wrong("has p " + std::to_string(p));
  op.kind = p == 1 ? Kind::l1 : Kind::l2;
  op.shape = node.in(0).shape;
  op.axes = {node.axis(-1, op.shape.rank())};
  node.expect_same_shape(0);
  return finish(node, std::move(op));
}

std::unique_ptr<Operator> make_mean_variance(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  Norm op;
  op.kind = Kind::deviation;
  op.eps = 1e-9;  // ONNX's definition
  op.shape = node.in(0).shape;
  op.axes = node.axes_of(node.attributes().integers("axes", {0, 2, 3}), op.shape.rank());
  node.expect_same_shape(0);
  return finish(node, std::move(op));
}

constexpr Entry kEntries[] = {
    {"GroupNormalization", make_group_norm},
    {"InstanceNormalization", make_group_norm},
    {"LayerNormalization", make_layer_norm},
    {"LpNormalization", make_lp_norm},
    {"MeanVarianceNormalization", make_mean_variance},
    {"RMSNormalization", make_layer_norm},
    {"exNorm", make_ex_norm},
};

}  // namespace

Family norm_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
