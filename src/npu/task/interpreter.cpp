#include "npu/task/interpreter.hpp"

#include <algorithm>
#include <array>

#include "ez_rknn/error.hpp"
#include "npu/task/tensor_layout.hpp"
#include "npu/task/units.hpp"

namespace ez_rknn::npu::task {
namespace {

const file::Graph& graph_of(const file::Model& model, int graph) {
  if (model.target != "rk3588")
    throw Unsupported("the task interpreter executes rk3588 models only, this one is for '" + model.target + "'");
  if (graph < 0 || static_cast<std::size_t>(graph) >= model.graphs.size())
    throw InvalidArgument("graph " + std::to_string(graph) + " of a model with " + std::to_string(model.graphs.size()) +
                          " graphs");
  return model.graphs[static_cast<std::size_t>(graph)];
}

/// Nodes whose tasks are no self-contained computation, whatever their registers say.
std::string refused_by_type(const file::Node& node) {
  const auto is = [&](std::string_view part) { return node.type.find(part) != std::string::npos; };
  if (node.task_count == 0) return "no tasks: it runs on the CPU";
  if (node.type == "InputOperator" || node.type == "OutputOperator")
    return "its tasks convert buffers for the runtime's own use";
  if (is("LSTM") || is("GRU")) return "its tasks rewrite their own commands";
  if (is("exNorm") || is("exMatMul") || is("exSDPAttention")) return "it uses modes of the DPU that are not understood";
  return "";
}

/// Compiler 2.3.2 sometimes hands an int8 activation to BN as if it were a table of 32-bit operands (Sub of two 1x1
/// maps); what comes out has no meaning, on the chip neither.
std::string refused_by_tables(const file::Graph& graph, const TypedTask& task) {
  for (const std::int32_t id : table_tensors(task)) {
    if (id < 0 || static_cast<std::size_t>(id) >= graph.tensors.size()) continue;  // run() will say so
    const file::Tensor& t = graph.tensors[static_cast<std::size_t>(id)];
    if (t.data.empty()) return "takes per-channel operands from '" + t.name + "', which is no constant";
  }
  return "";
}

}  // namespace

Interpreter::Interpreter(const file::Model& model, int graph)
    : graph_(graph_of(model, graph)), memory_(graph_), nodes_(graph_.nodes.size()) {
  prepare();
}

/// The banks need every task in order, so all are decoded here, once.
void Interpreter::prepare() {
  RegisterBanks banks(*find_chip("rk3588"), graph_);
  auto lut = std::make_shared<const Lut>();
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const file::Node& node = graph_.nodes[n];
    NodeTasks& tasks = nodes_[n];
    tasks.refusal = refused_by_type(node);
    if (node.first_task > graph_.tasks.size() || node.task_count > graph_.tasks.size() - node.first_task)
      throw ModelError(0, "node " + node.name + " has tasks beyond the task table");
    for (std::uint32_t t = 0; t < node.task_count; ++t) {
      const TaskRegisters regs = banks.apply(graph_.tasks[node.first_task + t]);
      if (regs.lut_words > 0) lut = std::make_shared<const Lut>(banks.lut());
      if (!tasks.refusal.empty()) continue;
      try {
        tasks.steps.push_back({decode(regs), lut});
        if (auto why = refused_by_tables(graph_, tasks.steps.back().task); !why.empty())
          tasks.refusal = "task " + std::to_string(t) + " " + why;
      } catch (const Unsupported& e) { tasks.refusal = "task " + std::to_string(t) + ": " + e.what(); }
    }
  }
}

void Interpreter::run(int node) {
  const NodeTasks& tasks = nodes_.at(static_cast<std::size_t>(node));
  if (!tasks.refusal.empty())
    throw Unsupported("node " + graph_.nodes[static_cast<std::size_t>(node)].name + ": " + tasks.refusal);
  for (const Step& step : tasks.steps)
    std::visit([&](const auto& task) { task::run(task, *step.lut, memory_); }, step.task);
}

void Interpreter::write(int tensor, std::span<const double> values) {
  const TensorLayout layout = layout_of(graph_, tensor);
  if (static_cast<std::int64_t>(values.size()) != layout.elements())
    throw InvalidArgument("tensor " + std::to_string(tensor) + " has " + std::to_string(layout.elements()) +
                          " elements, not " + std::to_string(values.size()));
  std::fill_n(memory_.write(memory_.base(tensor), layout.bytes(), "writing a tensor"), layout.bytes(), std::byte{});
  const std::int64_t base = memory_.base(tensor);
  std::size_t i = 0;
  layout.for_each([&](std::int64_t offset) {
    layout.store(memory_.write(base + offset, layout.element_bytes(), "writing a tensor"), values[i++]);
  });
}

std::vector<double> Interpreter::read(int tensor) const {
  const TensorLayout layout = layout_of(graph_, tensor);
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(layout.elements()));
  const std::int64_t base = memory_.base(tensor);
  layout.for_each([&](std::int64_t offset) {
    values.push_back(layout.load(memory_.read(base + offset, layout.element_bytes(), "reading a tensor")));
  });
  return values;
}

}  // namespace ez_rknn::npu::task
