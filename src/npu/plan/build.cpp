#include <algorithm>
#include <array>
#include <exception>
#include <string_view>

#include "ez_rknn/error.hpp"
#include "npu/kernels/share.hpp"
#include "npu/plan/builder.hpp"
#include "npu/plan/constants.hpp"
#include "npu/plan/steps.hpp"
#include "npu/plan/subsampling.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// Nodes whose registers say exactly what the chip computes and that have a node-level operator as well: the registers
/// are tried first. Everything else that has an operator runs as that operator.
constexpr std::string_view kByRegisters[] = {
    "Add",     "AddRelu", "Sub", "SubRelu",     "Mul",       "MulRelu", "Max",    "Min",    "Relu",    "LeakyRelu",
    "Sigmoid", "Tanh",    "Elu", "HardSigmoid", "HardSwish", "exSwish", "exGelu", "exMish", "Softplus"};

/// Their constants are packed, or operand tables of the DPU: only the registers say how to read them.
bool only_by_registers(const file::Node& node) {
  return (node.type.starts_with("BatchNormalization") || node.type == "Conv") && node.on_npu;
}

bool by_registers(const file::Graph& graph, const file::Node& node) {
  const auto operand = [&](std::size_t i) -> const file::Tensor* {
    const bool given = i < node.inputs.size() && node.inputs[i] >= 0;
    return given ? &graph.tensors[std::size_t(node.inputs[i])] : nullptr;
  };
  // A 16-bit rectifier on its own (Abs is a LeakyRelu) is compiled as if both zero points were 0.
  const bool rectifies = node.type == "Relu" || node.type == "LeakyRelu" || node.type == "PRelu";
  if (rectifies && operand(0) && operand(0)->dtype == DType::i16) return false;
  if (node.type == "PRelu") {  // a slope for every channel is a table, one for every element is not
    const file::Tensor* slope = operand(1);
    const int rank = slope ? slope->shape.rank() : 0;
    return rank >= 3 && slope->shape[rank - 1] == 1 && slope->shape[rank - 2] == 1;
  }
  if (std::find(std::begin(kByRegisters), std::end(kByRegisters), node.type) == std::end(kByRegisters)) return false;
  // The look-up table in the file is right for alpha 1 only: it holds alpha e^x - 1.
  return !(node.type == "Elu" && node.attributes.real("alpha", 1.0) != 1.0);
}

/// Some constants of 16-bit networks are stored in 8 bits, with the scale of 16: their numbers are lost.
void refuse_halved_constants(const file::Graph& graph, const file::Node& node) {
  const auto tensor_of = [&](std::int32_t i) { return i < 0 ? nullptr : &graph.tensors[std::size_t(i)]; };
  const file::Tensor* out = node.outputs.empty() ? nullptr : tensor_of(node.outputs[0]);
  if (!out || out->dtype != DType::i16 || !out->quantised) return;
  for (auto i : node.inputs)
    if (const auto* t = tensor_of(i); t && is_constant(*t) && t->dtype == DType::i8 && t->quantised)
      throw Unsupported("constant \"" + t->name + "\" of a 16-bit network was stored in 8 bits, a compiler's fault");
}

bool is_interface(const file::Node& node) { return node.type == "InputOperator" || node.type == "OutputOperator"; }
bool is_pool(const file::Node& node) { return node.type == "MaxPool" || node.type == "AveragePool"; }

bool has_unit(const std::vector<Pass>& passes, Unit unit) {
  return std::any_of(passes.begin(), passes.end(), [&](const Pass& p) { return p.unit == unit; });
}

/// Runs `work` for a node, and names the node in what it throws.
template <class F>
void naming(const file::Node& node, F&& work) {
  const std::string title = node.type + " \"" + node.name + "\": ";
  try {
    work();
  } catch (const ModelError& e) { throw ModelError(e.offset, title + e.what()); } catch (const Unsupported& e) {
    throw Unsupported(title + e.what());
  } catch (const InvalidArgument& e) {  // a kernel or operator refuses the values it is given
    throw ModelError(0, title + e.what());
  }
}

}  // namespace

Builder::Builder(const Chip& chip, const file::Graph& graph)
    : chip_(chip), graph_(graph), parts_(graph), banks_(chip, graph), written_(graph.tensors.size()) {
  plan_.graph = &graph;
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const auto& t = graph.tensors[i];
    Slot& slot = plan_.slots.emplace_back();
    slot.tensor = static_cast<std::int32_t>(i);
    slot.dtype = t.dtype, slot.shape = t.shape;
    if (t.quantised && !is_float(t.dtype)) slot.quant = t.quant;
    if (is_constant(t)) {
      set_constant(plan_, slot, t);
      written_[i] = slot.constant != nullptr;
    }
  }
}

const file::Tensor& Builder::tensor(std::int32_t index) const {
  if (index < 0 || std::size_t(index) >= graph_.tensors.size())
    throw ModelError(0, "tensor " + std::to_string(index) + " of " + std::to_string(graph_.tensors.size()));
  return graph_.tensors[std::size_t(index)];
}

Slot& Builder::value(std::int32_t index) {
  const auto& t = tensor(index);
  if (!written_[std::size_t(index)]) throw ModelError(0, "tensor \"" + t.name + "\" is read before it has a value");
  return plan_.slots[std::size_t(index)];
}

Slot& Builder::result(std::int32_t index) {
  const auto& t = tensor(index);
  if (is_constant(t)) throw ModelError(0, "constant \"" + t.name + "\" is written");
  Slot& slot = plan_.slots[std::size_t(index)];
  if (slot.storage < 0) {
    slot.storage = static_cast<int>(plan_.storages.size());
    plan_.storages.emplace_back();
    slot.map = t.layout == file::Layout::feature && t.shape.rank() == 4;
    lay_out(slot);  // refuses impossible shapes here, where the node is known; pitches may change in finish()
  }
  return slot;
}

Slot& Builder::as_map(Slot& slot) {
  slot.map = true, slot.read_as_map = true;
  lay_out(slot);
  return slot;
}

Slot& Builder::invent(const Slot& like, DType dtype) {
  Slot& slot = plan_.slots.emplace_back(like);
  slot.tensor = -1, slot.constant = nullptr, slot.dtype = dtype, slot.quant = {};
  slot.storage = static_cast<int>(plan_.storages.size());
  plan_.storages.emplace_back();
  return as_map(slot);
}

void Builder::add(std::unique_ptr<Step> step, std::vector<const Slot*> reads, std::vector<const Slot*> writes) {
  std::erase(reads, nullptr);
  std::erase(writes, nullptr);
  for (const Slot* s : writes)
    if (s->tensor >= 0) written_[std::size_t(s->tensor)] = true;
  plan_.steps.push_back(std::move(step));
  uses_.push_back({std::move(reads), std::move(writes)});
}

/// The program of a Max over three tensors reads two of them.
bool Builder::beyond_two(const file::Node& node) const {
  return (node.type == "Max" || node.type == "Min") &&
         std::count_if(node.inputs.begin(), node.inputs.end(), [&](auto i) { return i >= 0 && has_value(i); }) > 2;
}

void Builder::add_node(const file::Node& node) {
  for (const auto& list : {node.inputs, node.outputs})
    for (auto i : list)
      if (i >= 0) tensor(i);  // refuses indices beyond the list
  const bool interface = is_interface(node), custom = node.type.starts_with("cst");
  const std::vector<Pass> passes = collect_passes(chip_, graph_, node, parts_, banks_, !interface && !custom);
  if (interface) return;
  if (custom) return add_custom(node);
  refuse_halved_constants(graph_, node);

  const ops::Factory factory = only_by_registers(node) ? nullptr : ops::find(node.type);
  using Method = void (Builder::*)(const file::Node&, const std::vector<Pass>&);
  Method method = nullptr;
  if (node.type.starts_with("Conv") && has_unit(passes, Unit::convolution)) method = &Builder::add_convolution;
  else if (is_constant_product(node)) method = &Builder::add_constant_product;
  else if (is_pool(node)) method = &Builder::add_pool;
  else if (has_unit(passes, Unit::dpu) && (!factory || (by_registers(graph_, node) && !beyond_two(node))))
    method = &Builder::add_elementwise;

  std::string reason = !node.on_npu     ? "it runs on the CPU and there is no such operator"
                       : passes.empty() ? "it is the NPU's, and the file has no tasks for it"
                                        : "its tasks are not understood";
  if (method) {
    try {
      return (this->*method)(node, passes);
    } catch (const Unsupported& e) {
      if (!factory) throw;
      reason = e.what();
    }
  }
  if (!factory) throw Unsupported(reason);
  try {
    add_operator(node, factory, passes);
  } catch (const Unsupported& e) {
    throw Unsupported(method ? reason + "; and as an operator: " + e.what() : e.what());
  }
}

void Builder::finish() {
  for (Slot& slot : plan_.slots)
    if (slot.storage >= 0) {
      lay_out(slot);
      plan_.storages[std::size_t(slot.storage)].bytes = slot.bytes;
    }
  drop_moves(plan_, uses_);
  unpad_maps(plan_);
  narrow_inputs(plan_, uses_);
  skip_unread_pixels(plan_, uses_);
  for (std::size_t step = 0; step < uses_.size(); ++step)
    for (const auto* list : {&uses_[step].reads, &uses_[step].writes})
      for (const Slot* slot : *list) {
        if (slot->storage < 0) continue;
        Storage& s = plan_.storages[std::size_t(slot->storage)];
        if (s.first < 0) s.first = static_cast<int>(step);
        s.last = static_cast<int>(step);
      }
  plan_.arena_bytes = place(plan_.storages);
}

GraphPlan Builder::build(Team& team) {
  for (auto i : graph_.inputs) {
    const auto& t = tensor(i);
    if (is_constant(t)) throw ModelError(0, "input \"" + t.name + "\" is a constant");
    Slot& slot = result(i);
    written_[std::size_t(i)] = true;
    plan_.storages[std::size_t(slot.storage)].external = true;
    plan_.inputs.push_back(&slot);
  }
  for (const auto& node : graph_.nodes) naming(node, [&] { add_node(node); });
  for (auto i : graph_.outputs) {
    Slot& slot = value(i);
    if (!slot.constant) plan_.storages[std::size_t(slot.storage)].external = true;
    plan_.outputs.push_back(&slot);
  }
  finish();

  std::mutex mutex;
  std::exception_ptr failure;
  team.for_each(packing_.size(), [&](std::size_t i, int) {
    try {
      naming(*packing_[i].node, packing_[i].work);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
  for (const auto& step : plan_.steps)
    if (const auto work = step->work(); work >= kernels::kWorthSharing) plan_.shared_work += work;
  return std::move(plan_);
}

GraphPlan build(const Chip& chip, const file::Graph& graph, Team& team) { return Builder(chip, graph).build(team); }

}  // namespace ez_rknn::npu::plan
