#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "bench.hpp"
#include "cases.hpp"

using namespace ops_test;

namespace {

const std::vector<Case>& cases() {
  static const auto all = read_cases();
  return all;
}

bool is_power_of_two(float x) {
  int exponent = 0;
  return std::frexp(x, &exponent) == 0.5f;
}

/// Everything on a grid of 8 bits can be a half when the grid's step is a power of two.
bool fits_half(const Case& c) {
  return std::all_of(c.inputs.begin(), c.inputs.end(),
                     [](const Numbers& n) { return n.kind != Kind::real || is_power_of_two(n.scale); });
}

/// The type and quantisation a real input has when the network's type is `type`; the same numbers in all of them.
Quant input_quant(DType type, float scale) {
  if (type == DType::i8) return {scale, 5};
  if (type == DType::i16) return {scale / 16, 37};
  return {};
}

/// What a compiler would choose for these numbers: the range with 0 in it, spread over the type.
Quant output_quant(DType type, const std::vector<double>& values) {
  if (is_float(type)) return {};
  double low = 0, high = 0;
  for (double v : values) low = std::min(low, v), high = std::max(high, v);
  const double steps = type == DType::i8 ? 255 : 65535, scale = high > low ? (high - low) / steps : 1;
  return {static_cast<float>(scale), static_cast<std::int32_t>(std::lround(-(steps + 1) / 2 - low / scale))};
}

double worst_error(const std::vector<double>& got, const std::vector<double>& want) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(want[i])) continue;
    const double d = got[i] == want[i] ? 0 : std::abs(got[i] - want[i]);
    worst = std::isnan(d) ? 1e300 : std::max(worst, d);
  }
  return worst;
}

double largest(const std::vector<double>& values) {
  double m = 0;
  for (double v : values) m = std::max(m, std::abs(v));
  return m;
}

void check(const Case& c, DType type, Layout layout) {
  CAPTURE(c.name);
  const std::string type_name = name_of(type);
  CAPTURE(type_name);
  CAPTURE(static_cast<int>(layout));
  Bench bench(c.type);
  bench.attributes() = c.attributes;
  for (const Numbers& n : c.inputs) {
    const bool quantised = n.kind == Kind::real && !(n.constant && is_float(type));
    const DType stored = n.kind == Kind::integer    ? DType::i64
                         : n.kind == Kind::boolean  ? (is_float(type) ? DType::boolean : DType::i8)
                         : n.constant && !quantised ? DType::f32
                         : n.kind == Kind::f32      ? DType::f32
                                                    : type;
    const Quant quant = quantised ? input_quant(stored, n.scale) : Quant{};
    if (n.kind == Kind::absent) bench.no_input();
    else if (n.constant) bench.constant(stored, n.shape, n.values, quant);
    else bench.input(stored, n.shape, quant, layout).put(n.values);
  }
  std::vector<Memory*> outputs;
  for (const Numbers& n : c.outputs) {
    if (n.kind == Kind::absent) {
      bench.no_output(), outputs.push_back(nullptr);
      continue;
    }
    const DType stored = n.kind == Kind::f32       ? type
                         : n.kind == Kind::integer ? DType::i64
                         : is_float(type)          ? DType::boolean
                                                   : DType::i8;
    const Quant quant = n.kind == Kind::f32 ? output_quant(stored, n.values) : Quant{};
    outputs.push_back(&bench.output(stored, n.shape, quant, layout));
  }
  REQUIRE_NOTHROW(bench.run());
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (!outputs[k]) continue;
    CAPTURE(k);
    CHECK(outputs[k]->surroundings_intact());
    const auto got = outputs[k]->get();
    auto want = c.outputs[k].values;
    const TensorView& view = outputs[k]->view();
    double allowed = 0;
    if (c.outputs[k].kind == Kind::f32 && is_float(type)) {
      const double range = largest(want);
      allowed = type == DType::f32 ? static_cast<double>(c.tolerance) * range + 1e-6
                                   : (std::max<double>(c.tolerance, 1.0 / 1024)) * range + 1e-6;
    } else if (c.outputs[k].kind == Kind::f32) {
      allowed = 1.001 * static_cast<double>(view.quant.scale);
      Memory rounded(view.dtype, view.shape, view.quant, Layout::dense);
      rounded.put(want);
      want = rounded.get();
    }
    const double error = worst_error(got, want);
    CHECK_LE(error, allowed);
  }
}

}  // namespace

TEST_CASE("every operator gives ONNX Runtime's numbers in every type and layout") {
  for (const Case& c : cases())
    for (DType type : {DType::f32, DType::f16, DType::i8, DType::i16}) {
      if (type == DType::f16 && !fits_half(c)) continue;
      for (Layout layout : {Layout::dense, Layout::channels_last}) check(c, type, layout);
    }
}

TEST_CASE("every operator that has a factory has a case") {
  std::set<std::string_view> tested;
  for (const Case& c : cases()) tested.insert(c.type);
  for (std::string_view type : npu::ops::known_types()) {
    CAPTURE(type);
    CHECK(tested.count(type) == 1);
  }
}
