/// Functions of one number. 8-bit tensors walk a table made at load; the others compute.
#include <cmath>
#include <limits>

#include "npu/ops/byte_table.hpp"
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

struct Parameters {
  double a = 0, b = 0;
};
using Function = void (*)(const Parameters&, const double* x, double* y, std::int64_t n);

/// A row function of a stateless f(x, parameters); a template so that each loop has its function inlined.
template <class F>
constexpr Function over_rows(F) {
  return [](const Parameters& p, const double* x, double* y, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = F{}(x[i], p);
  };
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::log1p(std::exp(-std::abs(x))) + std::fmax(x, 0); }
double exp_minus_1(double x) { return std::expm1(std::fmin(x, 0)); }
double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

using P = const Parameters&;
constexpr double kInverseSqrt2 = 0.70710678118654752440;
constexpr double kSqrt2OverPi = 0.79788456080286535588;

struct Named {
  std::string_view type;
  Function function;
  const char* a_name = nullptr;  ///< attributes and their ONNX defaults
  double a = 0;
  const char* b_name = nullptr;
  double b = 0;
};

constexpr auto gelu = [](double x, P) { return 0.5 * x * (1 + std::erf(x * kInverseSqrt2)); };
constexpr auto gelu_tanh = [](double x, P) {
  return 0.5 * x * (1 + std::tanh(kSqrt2OverPi * (x + 0.044715 * x * x * x)));
};
constexpr auto mish = [](double x, P) { return x * std::tanh(softplus(x)); };
constexpr auto swish = [](double x, P p) { return x * sigmoid(p.a * x); };
constexpr auto hard_swish = [](double x, P) { return x * clip(x / 6 + 0.5, 0, 1); };
constexpr auto clamp_to = [](double x, P p) { return std::isnan(x) ? x : std::fmin(std::fmax(x, p.a), p.b); };

constexpr Named kFunctions[] = {
    {"Abs", over_rows([](double x, P) { return std::abs(x); })},
    {"Acos", over_rows([](double x, P) { return std::acos(x); })},
    {"Acosh", over_rows([](double x, P) { return std::acosh(x); })},
    {"Asin", over_rows([](double x, P) { return std::asin(x); })},
    {"Asinh", over_rows([](double x, P) { return std::asinh(x); })},
    {"Atan", over_rows([](double x, P) { return std::atan(x); })},
    {"Atanh", over_rows([](double x, P) { return std::atanh(x); })},
    {"Ceil", over_rows([](double x, P) { return std::ceil(x); })},
    {"Celu", over_rows([](double x, P p) { return std::fmax(x, 0) + p.a * exp_minus_1(x / p.a); }), "alpha", 1},
    {"Clip", over_rows(clamp_to)},
    {"Cos", over_rows([](double x, P) { return std::cos(x); })},
    {"Cosh", over_rows([](double x, P) { return std::cosh(x); })},
    {"Elu", over_rows([](double x, P p) { return x > 0 ? x : p.a * exp_minus_1(x); }), "alpha", 1},
    {"Erf", over_rows([](double x, P) { return std::erf(x); })},
    {"Exp", over_rows([](double x, P) { return std::exp(x); })},
    {"Floor", over_rows([](double x, P) { return std::floor(x); })},
    {"Gelu", over_rows(gelu)},
    {"HardSigmoid", over_rows([](double x, P p) { return clip(p.a * x + p.b, 0, 1); }), "alpha", 0.2, "beta", 0.5},
    {"HardSwish", over_rows(hard_swish)},
    {"IsInf", over_rows([](double x, P p) { return double(std::isinf(x) && (x > 0 ? p.a : p.b) != 0); }),
     "detect_positive", 1, "detect_negative", 1},
    {"IsNaN", over_rows([](double x, P) { return double(std::isnan(x)); })},
    {"LeakyRelu", over_rows([](double x, P p) { return x < 0 ? p.a * x : x; }), "alpha", 0.01},
    {"Log", over_rows([](double x, P) { return std::log(x); })},
    {"Mish", over_rows(mish)},
    {"Neg", over_rows([](double x, P) { return -x; })},
    {"Not", over_rows([](double x, P) { return double(x == 0); })},
    {"Reciprocal", over_rows([](double x, P) { return 1 / x; })},
    {"Relu", over_rows([](double x, P) { return x < 0 ? 0 : x; })},
    {"Round", over_rows([](double x, P) { return std::nearbyint(x); })},
    {"Selu", over_rows([](double x, P p) { return p.b * (x > 0 ? x : p.a * exp_minus_1(x)); }), "alpha",
     1.6732632423543772, "gamma", 1.0507009873554805},
    {"Shrink", over_rows([](double x, P p) { return x < -p.a  ? x + p.b
                                                    : x > p.a ? x - p.b
                                                              : 0; }), "lambd", 0.5,
     "bias", 0},
    {"Sigmoid", over_rows([](double x, P) { return sigmoid(x); })},
    {"Sign", over_rows([](double x, P) { return double(x > 0) - double(x < 0); })},
    {"Sin", over_rows([](double x, P) { return std::sin(x); })},
    {"Sinh", over_rows([](double x, P) { return std::sinh(x); })},
    {"Softplus", over_rows([](double x, P) { return softplus(x); })},
    {"Softsign", over_rows([](double x, P) { return x / (1 + std::abs(x)); })},
    // The reference simulator takes the root of 0 below 0 too.
    {"Sqrt", over_rows([](double x, P) { return std::sqrt(x < 0 ? 0 : x); })},
    {"Swish", over_rows(swish), "alpha", 1},
    {"Tan", over_rows([](double x, P) { return std::tan(x); })},
    {"Tanh", over_rows([](double x, P) { return std::tanh(x); })},
    {"ThresholdedRelu", over_rows([](double x, P p) { return x > p.a ? x : 0; }), "alpha", 1},
    {"exGelu", over_rows(gelu)},
    {"exMish", over_rows(mish)},
    {"exSwish", over_rows(swish), "alpha", 1},
};

struct Unary {
  Function function;
  Parameters parameters;
  bool tabulated = false;
  ByteTable table;

  void operator()(Inputs in, Outputs out, Scratch) const {
    const TensorView to = with_shape(out[0], in[0].shape);
    if (tabulated && table.fits(in[0], to)) {
      Nest<2> nest;
      for (int i = 0; i < to.shape.rank(); ++i) nest.add(to.shape[i], {in[0].strides[i], to.strides[i]});
      nest.tidy();
      return table.run(in[0], to, nest);
    }
    compute_rows<double, 1>(
        {in[0]}, to, [&](const double* const(&x)[1], double* y, std::int64_t n) { function(parameters, x[0], y, n); });
  }
};

std::unique_ptr<Operator> make_unary(const Checked& node, Function function, Parameters parameters) {
  node.expect_same_shape(0);
  const Meta &from = node.in(0), &to = node.out();
  Unary op{function, parameters, ByteTable::can_index(from.dtype), {}};
  if (op.tabulated)
    op.table =
        ByteTable(from.dtype, from.quant, to.dtype, to.quant, [&](double* x, int n) { function(parameters, x, x, n); });
  return running(std::move(op));
}

std::unique_ptr<Operator> make_named(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  for (const Named& f : kFunctions) {
    if (f.type != node.type()) continue;
    Parameters p{f.a, f.b};
    if (f.a_name) p.a = node.attributes().real(f.a_name, f.a);
    if (f.b_name) p.b = node.attributes().real(f.b_name, f.b);
    if (f.type == "Gelu" && node.attributes().text("approximate", "none") == "tanh")
      return make_unary(node, over_rows(gelu_tanh), p);
    return make_unary(node, f.function, p);
  }
  node.missing("this function");
}

/// Bounds come as operands (opset 11 on) or attributes. The compiler writes those that the network lacks, too.
std::unique_ptr<Operator> make_clip(const NodeSpec& spec) {
  const Checked node(spec, 1, 3);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Parameters p{node.attributes().real("min", -kInfinity), node.attributes().real("max", kInfinity)};
  if (!node.has_input(1) && !node.has_input(2) && p.a == -kInfinity && p.b == kInfinity)
    node.missing("a Clip without bounds");
  if (node.has_input(1)) p.a = node.scalar(1, "lower bound");
  if (node.has_input(2)) p.b = node.scalar(2, "upper bound");
  return make_unary(node, over_rows(clamp_to), p);
}

}  // namespace

Family unary_family() {
  static const std::vector<Entry> entries = [] {
    std::vector<Entry> v;
    for (const Named& f : kFunctions) v.push_back({f.type, f.type == "Clip" ? make_clip : make_named});
    return v;
  }();
  return entries;
}

}  // namespace ez_rknn::npu::ops
