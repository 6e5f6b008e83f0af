#include <algorithm>
#include <cmath>
#include <optional>

#include "ez_rknn/error.hpp"
#include "npu/plan/builder.hpp"
#include "npu/plan/constants.hpp"
#include "npu/plan/steps.hpp"
#include "npu/regs/normalise.hpp"

namespace ez_rknn::npu::plan {
namespace {

bool is_recurrent(const file::Node& node) { return node.type.ends_with("LSTM") || node.type.ends_with("GRU"); }

/// Scratch the compiler set aside for the NPU's way of doing it.
bool is_scratch(const file::Tensor& t) { return t.name.find("_exSecondary") != std::string::npos; }

bool is_compute_zone(const file::Tensor& t) { return t.name.find("compute_zone") != std::string::npos; }

/// The exMatMul of an RV1106B file: a third operand is a factor when the pass that writes the result multiplies, which
/// other files have as an attribute.
file::Node with_product_type(const Chip& chip, const file::Graph& graph, file::Node node,
                             const std::vector<Pass>& passes) {
  const auto last = std::find_if(passes.rbegin(), passes.rend(), [&](const Pass& p) {
    return p.unit == Unit::convolution && !node.outputs.empty() && p.destination == node.outputs[0];
  });
  if (last == passes.rend()) return node;
  const Arithmetic a = arithmetic_of(chip, graph, *last, false);
  const bool multiplies = (a.bn && a.bn->mul) || (a.ew && a.ew->op == ElementWise::Op::mul);
  node.attributes.values.emplace("c_type", std::string(multiplies ? "mul" : "add"));
  return node;
}

bool is_int8_attention(const file::Graph& graph, const file::Node& node) {
  return node.type == "exSDPAttention" && !node.inputs.empty() && node.inputs[0] >= 0 &&
         graph.tensors[std::size_t(node.inputs[0])].dtype == DType::i8;
}

/// LSTM nodes have no attributes. The compute zone's first rows hold the products of W with each step's input, a
/// pixel's channel group (16 bytes, 8 in floats on RK3566) a step; the first element-wise task that reads one of them
/// tells which step comes first.
bool starts_at_the_end(const Chip& chip, const file::Graph& graph, const std::vector<Pass>& passes,
                       std::int64_t steps) {
  const auto at = address_registers(chip);
  const auto zone = [&](std::int32_t t) {
    return t >= 0 && std::size_t(t) < graph.tensors.size() && is_compute_zone(graph.tensors[std::size_t(t)]);
  };
  const auto products = std::find_if(passes.begin(), passes.end(),
                                     [&](const Pass& p) { return p.unit == Unit::convolution && zone(p.destination); });
  if (products == passes.end()) return false;
  constexpr std::uint64_t kPixel = 16;
  const std::uint64_t base = products->registers.address(at.destination)->addend,
                      end = base + kPixel * std::uint64_t(steps);
  std::uint32_t first = ~0u;
  std::uint64_t row = 0;
  for (const Pass& p : passes) {
    if (p.unit != Unit::dpu || !zone(p.source)) continue;
    for (std::size_t i = 0; i < p.order.size(); ++i) {
      const std::uint64_t addend = p.tile(i).address(at.source)->addend;
      if (p.order[i] > products->order[0] && p.order[i] < first && addend >= base && addend < end)
        first = p.order[i], row = addend - base;
    }
  }
  const auto last = std::uint64_t(steps - 1);
  return first != ~0u && steps > 1 && (row == kPixel * last || row == std::uint64_t(chip.c2_bytes) * last);
}

ops::NodeRegisters recurrent_registers(const Chip& chip, const file::Graph& graph, const file::Node& node,
                                       const std::vector<Pass>& passes) {
  ops::NodeRegisters r;
  r.table_group = chip.table_group;
  for (const Pass& p : passes) {
    if (p.unit != Unit::convolution || p.weights < 0) continue;
    const OutputConvert out = normalise(chip, graph, p.registers, false).out;
    const double factor = std::ldexp(out.scale, -out.shift);
    const auto known = std::find_if(r.convolutions.begin(), r.convolutions.end(),
                                    [&](const auto& c) { return c.weights == p.weights; });
    if (known != r.convolutions.end()) known->last_factor = factor;
    else r.convolutions.push_back({.weights = p.weights, .first_factor = factor, .last_factor = factor});
  }
  if (!node.inputs.empty() && node.inputs[0] >= 0) {
    const auto& x = graph.tensors[std::size_t(node.inputs[0])].shape;
    if (x.rank() > 0 && x[0] < (1 << 20)) r.reverse = starts_at_the_end(chip, graph, passes, x[0]);
  }
  return r;
}

/// The two products of an attention node are the convolutions whose weights are no constant but the node's scratch
/// memory: the first kind writes there too, the second the node's output. The multiplications of BN and of the output
/// converter are one factor.
std::optional<ops::NodeRegisters::Attention> attention_registers(const Chip& chip, const file::Graph& graph,
                                                                 const file::Node& node,
                                                                 const std::vector<Pass>& passes) {
  const auto scratch = [&](std::int32_t t) { return t >= 0 && is_scratch(graph.tensors[std::size_t(t)]); };
  const Pass *scores = nullptr, *result = nullptr;
  for (const Pass& p : passes) {
    if (p.unit != Unit::convolution || !scratch(p.weights)) continue;
    const bool last = !node.outputs.empty() && p.destination == node.outputs[0];
    const Pass*& found = last ? result : scores;
    if (!found && (last || scratch(p.destination))) found = &p;
  }
  if (!scores || !result) return std::nullopt;
  const auto scale = [](const Arithmetic& a) {
    const bool multiplies = a.bn && a.bn->mul && !a.bn->mul_operand.table;
    return multiplies ? std::ldexp(a.bn->mul_operand.value, -a.bn->shift) : 1.0;
  };
  const auto factor = [&](const Arithmetic& a) { return std::ldexp(a.out.scale, -a.out.shift) * scale(a); };
  const Arithmetic first = arithmetic_of(chip, graph, *scores, false),
                   second = arithmetic_of(chip, graph, *result, false);
  return ops::NodeRegisters::Attention{.score_factor = factor(first),
                                       .result_factor = factor(second),
                                       .scale = scale(first),
                                       .score_offset = first.out.offset};
}

}  // namespace

Operands Builder::operands_of(const file::Node& node, ops::NodeSpec* spec) {
  Operands operands;
  const bool keep_generated = is_recurrent(node) || node.type == "RNN" || node.type == "exRNN";
  for (auto i : node.inputs) {
    const Slot* slot = nullptr;
    ops::OperandSpec operand;
    if (i >= 0) {
      const auto& t = tensor(i);
      if (is_scratch(t) || (t.kind == file::Kind::generated && !keep_generated)) continue;
      // "empty_placeholder": how the compiler writes down an optional operand that is not there.
      const bool absent = is_constant(t) && t.data.empty();
      if (!absent) operand.tensor = &t;
      if (has_value(i)) slot = &plan_.slots[std::size_t(i)];
      else if (!is_constant(t) && !(is_recurrent(node) && is_compute_zone(t)))
        throw ModelError(0, "tensor \"" + t.name + "\" is read before it has a value");
      else if (is_constant(t) && !absent && !(is_recurrent(node) && !operands.in.empty()))  // those unpack their own
        throw ModelError(0, "constant \"" + t.name + "\" of " + std::to_string(t.data.size()) +
                                " bytes does not hold shape " + to_string(t.shape));
      if (slot && slot->constant) operand.constant = slot->view({});
    }
    operands.in.push_back(slot);
    if (spec) spec->inputs.push_back(operand);
  }
  for (auto i : node.outputs) {
    operands.out.push_back(i < 0 ? nullptr : &result(i));
    if (spec) spec->outputs.push_back({.tensor = i < 0 ? nullptr : &tensor(i), .constant = {}});
  }
  return operands;
}

void Builder::add_operator(const file::Node& node, ops::Factory factory, const std::vector<Pass>& passes) {
  // Files of RV1103/RV1106 have no room for attributes beyond the union table's, and its registers clip at alpha
  // instead.
  const bool mini = chip_.family == Family::c || chip_.family == Family::d;
  if (mini && node.type == "ThresholdedRelu" && !node.attributes.has("alpha"))
    throw Unsupported("the file does not hold its alpha");
  const bool product = mini && node.type == "exMatMul" && !node.attributes.has("c_type");
  const file::Node told = product ? with_product_type(chip_, graph_, node, passes) : file::Node{};
  ops::NodeSpec spec{.graph = graph_, .node = product ? told : node, .inputs = {}, .outputs = {}};
  auto step = std::make_unique<OpStep>(node);
  step->operands = operands_of(node, &spec);
  ops::NodeRegisters registers;
  if (is_recurrent(node)) registers = recurrent_registers(chip_, graph_, node, passes), spec.registers = &registers;
  if (is_int8_attention(graph_, node))
    registers.attention = attention_registers(chip_, graph_, node, passes), spec.registers = &registers;
  step->op = factory(spec);
  const auto in = step->operands.in, out = step->operands.out;
  add(std::move(step), in, out);
}

std::unique_ptr<Step> Builder::compute_function(const file::Node& node, std::string_view type, const Slot& in,
                                                const Slot& out) const {
  file::Node function = node;
  function.type = type;
  file::Tensor from = tensor(out.tensor);
  from.dtype = in.dtype, from.quantised = false;
  const ops::NodeSpec spec{.graph = graph_,
                           .node = function,
                           .inputs = {{.tensor = &from, .constant = {}}},
                           .outputs = {{.tensor = &tensor(out.tensor), .constant = {}}}};
  auto step = std::make_unique<OpStep>(node);
  step->operands.in = {&in}, step->operands.out = {&out};
  step->op = ops::find(type)(spec);
  return step;
}

void Builder::add_custom(const file::Node& node) {
  auto step = std::make_unique<CustomStep>(node);
  step->operands = operands_of(node, nullptr);
  if (std::find(plan_.custom_types.begin(), plan_.custom_types.end(), node.type) == plan_.custom_types.end())
    plan_.custom_types.push_back(node.type);
  const auto in = step->operands.in, out = step->operands.out;
  add(std::move(step), in, out);
}

}  // namespace ez_rknn::npu::plan
