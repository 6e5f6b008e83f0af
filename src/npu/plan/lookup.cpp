#include "npu/plan/lookup.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::plan {
namespace {

struct Fused {
  std::string_view ending;  ///< of the node's type
  MeantFunction function;
};

/// Ends of the tables, from the scales in front of the look-ups of fp16 networks. HardSigmoid's is 0.5 / alpha, so that
/// one alpha does for all where the scale is there. Elu is missing: its alpha is nowhere.
constexpr std::string_view kHardSigmoid = "HardSigmoid";
constexpr Fused kFused[] = {
    {kHardSigmoid, {kHardSigmoid, 2.5}}, {"Sigmoid", {"Sigmoid", 6.31}},  {"Tanh", {"Tanh", 3.02}},
    {"ExSwish", {"exSwish", 5.8}},       {"HardSwish", {"HardSwish", 3}}, {"ExGelu", {"exGelu", 2.83}},
    {"ExMish", {"exMish", 5}},           {"Softplus", {"Softplus", 4}},
};

bool empty(const Lut& lut) {
  const auto zeros = [](const auto& half) { return std::all_of(half.begin(), half.end(), [](auto v) { return !v; }); };
  return zeros(lut.le) && zeros(lut.lo);
}

}  // namespace

std::optional<MeantFunction> lost_look_up(const file::Node& node, const Arithmetic& arithmetic, const Lut& lut) {
  if (!arithmetic.ew || !arithmetic.ew->lut || (!arithmetic.brain && !empty(lut))) return std::nullopt;
  for (const auto& [ending, function] : kFused) {
    if (!node.type.ends_with(ending)) continue;
    if (ending == kHardSigmoid && arithmetic.real) break;
    return function;
  }
  throw Unsupported(
      "its look-up table, or the scale in front of it, is not in the file, and its type does not tell all");
}

Arithmetic before_look_up(const Arithmetic& arithmetic, const MeantFunction& function) {
  Arithmetic a = arithmetic;
  if (a.ew->op != ElementWise::Op::none)
    throw Unsupported("an element-wise operation behind a look-up whose table the file does not hold");
  double scale = 1;  // floats: the scale into the table is the stage's only work, and the part that the file spoils
  if (!a.real) {
    if (a.lut.lo_end <= 0) throw Unsupported("a look-up whose table, which the file does not hold, ends at or below 0");
    scale = function.reach / a.lut.lo_end;
    if (a.bn) {
      const Stage& s = *a.bn;
      // A constant that is added only moves the function within the table.
      if ((s.alu && (s.alu != Alu::add || s.alu_operand.table)) || s.prelu ||
          (s.mul && (s.mul_operand.table || s.shift != s.shift_negative)))
        throw Unsupported("more than a scale and a constant in front of a look-up whose table the file does not hold");
      if (s.mul) scale *= std::ldexp(s.mul_operand.value, -s.shift);
    }
  }
  a.bn.reset(), a.bn_table.reset(), a.ew.reset();
  a.out = {.float_scale = scale};
  a.ppu_scale = 1.0f;
  return a;
}

}  // namespace ez_rknn::npu::plan
