#include "file/dump.hpp"

#include <nanobind/stl/string.h>

#include "dict_of.hpp"
#include "file/to_python.hpp"
#include "npu/regs/disassemble.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {
namespace {

const char* name_of(file::Kind kind) {
  switch (kind) {
    case file::Kind::input: return "input";
    case file::Kind::output: return "output";
    case file::Kind::internal: return "internal";
    case file::Kind::constant: return "constant";
    case file::Kind::cpu_constant: return "CPU constant";
    case file::Kind::lut: return "look-up table";
    case file::Kind::old_commands: return "commands (old)";
    case file::Kind::generated: return "generated";
    case file::Kind::commands: return "commands";
    case file::Kind::tasks: return "tasks";
    case file::Kind::unknown: break;
  }
  return "unknown";
}

bool in_arena(file::Kind kind) {
  return kind == file::Kind::input || kind == file::Kind::output || kind == file::Kind::internal;
}

nb::dict dump_tensor(const file::Tensor& t) {
  nb::dict d = dict_of("name"_a = text(t.name), "kind"_a = name_of(t.kind), "dtype"_a = ez_rknn::name_of(t.dtype),
                       "layout"_a = layout_name(t), "shape"_a = list_of(t.shape),
                       "native_shape"_a = list_of(t.native_shape), "bytes"_a = t.size);
  if (in_arena(t.kind)) d["arena_offset"] = t.arena_offset;
  else d["data_bytes"] = t.data.size();
  if (t.quantised) {
    d["scale"] = t.quant.scale;
    d["zero_point"] = t.quant.zero_point;
  }
  if (t.scales.size() > 1) d["scales"] = list_of(t.scales);
  return d;
}

nb::object value_of(const file::Attribute& attribute) {
  struct ToPython {
    nb::object operator()(std::int64_t v) const { return nb::int_(v); }
    nb::object operator()(double v) const { return nb::float_(v); }
    nb::object operator()(const std::string& v) const { return text(v); }
    nb::object operator()(const std::vector<std::int64_t>& v) const { return list_of(v); }
    nb::object operator()(const std::vector<double>& v) const { return list_of(v); }
    nb::object operator()(const std::vector<std::string>& v) const {
      nb::list l;
      for (const std::string& s : v) l.append(text(s));
      return l;
    }
  };
  return std::visit(ToPython{}, attribute);
}

nb::dict dump_node(const file::Node& n) {
  nb::dict attributes;
  for (const auto& [name, value] : n.attributes.values) attributes[text(name)] = value_of(value);
  return dict_of("type"_a = text(n.type), "name"_a = text(n.name), "runs_on"_a = n.on_npu ? "NPU" : "CPU",
                 "inputs"_a = list_of(n.inputs), "outputs"_a = list_of(n.outputs), "attributes"_a = attributes,
                 "first_task"_a = n.first_task, "task_count"_a = n.task_count);
}

/// The lines after the heading, without their indent.
nb::list registers_of(const npu::Chip& chip, const file::Graph& g, std::size_t task) {
  nb::list lines;
  const std::string all = npu::disassemble_task(chip, g, task);
  for (std::size_t at = all.find('\n') + 1; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const std::size_t begin = std::min(all.find_first_not_of(' ', at), end);
    lines.append(text(all.substr(begin, end - begin)));
    at = end + 1;
  }
  return lines;
}

nb::list dump_tasks(const npu::Chip* chip, const file::Graph& g) {
  nb::list tasks;
  for (std::size_t i = 0; i < g.tasks.size(); ++i) {
    const file::Task& t = g.tasks[i];
    nb::dict d = dict_of("node"_a = t.node, "blocks"_a = npu::block_names(t.enable), "enable"_a = t.enable,
                         "first_word"_a = t.first_word, "words"_a = t.words);
    if (chip) d["registers"] = registers_of(*chip, g, i);
    tasks.append(d);
  }
  return tasks;
}

}  // namespace

nb::list dump_graphs(const file::Model& model, bool disassemble) {
  const npu::Chip* chip = disassemble ? npu::find_chip(model.target) : nullptr;
  nb::list graphs;
  for (const file::Graph& g : model.graphs) {
    nb::list tensors, nodes;
    for (const file::Tensor& t : g.tensors) tensors.append(dump_tensor(t));
    for (const file::Node& n : g.nodes) nodes.append(dump_node(n));
    graphs.append(dict_of("inputs"_a = list_of(g.inputs), "outputs"_a = list_of(g.outputs), "tensors"_a = tensors,
                          "nodes"_a = nodes, "tasks"_a = dump_tasks(chip, g), "arena_bytes"_a = g.arena_bytes));
  }
  return graphs;
}

}  // namespace ez_rknn::python
