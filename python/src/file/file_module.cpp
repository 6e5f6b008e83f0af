/// ez_rknn_async._file: what a .rknn file says, as plain Python objects, for `ez-rknn info`, `ez-rknn dump` and tests.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "dict_of.hpp"
#include "errors.hpp"
#include "file/dump.hpp"
#include "file/to_python.hpp"
#include "gil.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/reader.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace ez_rknn;
using python::dict_of;
using python::layout_name;
using python::list_of;
using python::text;

/// The first `count` of them, all when there are fewer or none is asked for.
std::span<const float> first(const std::vector<float>& values, std::size_t count) {
  return std::span(values).first(count && count < values.size() ? count : values.size());
}

nb::dict describe_tensor(const file::Tensor& t) {
  nb::dict d = dict_of("name"_a = text(t.name), "dtype"_a = name_of(t.dtype), "layout"_a = layout_name(t),
                       "shape"_a = list_of(t.shape), "native_shape"_a = list_of(t.native_shape));
  if (t.quantised) {
    d["scale"] = t.quant.scale;
    d["zero_point"] = t.quant.zero_point;
  }
  return d;
}

nb::list names_of(const file::Graph& g, const std::vector<std::int32_t>& ids) {
  nb::list names;
  for (auto id : ids) names.append(text(id < 0 ? std::string() : g.tensors[static_cast<std::size_t>(id)].name));
  return names;
}

nb::dict describe_graph(const file::Graph& g) {
  nb::list inputs, outputs, nodes;
  for (std::size_t i = 0; i < g.inputs.size(); ++i) {
    nb::dict d = describe_tensor(g.tensors[static_cast<std::size_t>(g.inputs[i])]);
    if (i < g.normalisation.size() && !g.normalisation[i].is_identity()) {
      // The file pads both to four channels.
      const Dims& shape = g.tensors[static_cast<std::size_t>(g.inputs[i])].shape;
      const auto channels = static_cast<std::size_t>(shape.rank() == 4 ? shape[1] : 0);
      d["mean"] = list_of(first(g.normalisation[i].mean, channels));
      d["std"] = list_of(first(g.normalisation[i].std, channels));
    }
    inputs.append(d);
  }
  for (auto id : g.outputs) outputs.append(describe_tensor(g.tensors[static_cast<std::size_t>(id)]));
  for (const auto& n : g.nodes)
    nodes.append(dict_of("type"_a = text(n.type), "name"_a = text(n.name), "runs_on"_a = n.on_npu ? "NPU" : "CPU",
                         "tasks"_a = n.task_count, "inputs"_a = names_of(g, n.inputs),
                         "outputs"_a = names_of(g, n.outputs)));
  return dict_of("inputs"_a = inputs, "outputs"_a = outputs, "nodes"_a = nodes, "arena_bytes"_a = g.arena_bytes);
}

file::Model read(const std::string& path) {
  ez_rknn::python::WithoutGil nogil;
  return file::read(file::map_file(path));
}

/// A model's content, borrowed from a Python object for the time of a call.
struct Content {
  Py_buffer view{};
  explicit Content(nb::handle h) {
    if (PyObject_GetBuffer(h.ptr(), &view, PyBUF_SIMPLE) != 0) throw nb::python_error();
  }
  ~Content() { PyBuffer_Release(&view); }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  file::Bytes bytes() const {
    return {nullptr, {static_cast<const std::byte*>(view.buf), static_cast<std::size_t>(view.len)}};
  }
};

file::Model summary_of(nb::handle model) {
  if (!nb::isinstance<nb::str>(model)) return file::read_summary(Content(model).bytes());
  const nb::bytes path = nb::steal<nb::bytes>(PyUnicode_EncodeFSDefault(model.ptr()));
  if (!path.is_valid()) throw nb::python_error();
  return file::read_summary(file::map_file(std::string(path.c_str(), path.size())));
}

nb::dict summary(nb::handle model) {
  const file::Model m = summary_of(model);
  return dict_of("target"_a = text(m.target), "npu"_a = text(m.npu), "compiler_version"_a = text(m.compiler_version),
                 "format_version"_a = m.format_version, "framework"_a = text(m.framework),
                 "custom_string"_a = text(m.custom_string));
}

nb::dict describe(const std::string& path) {
  const file::Model m = read(path);
  nb::list graphs;
  for (const auto& g : m.graphs) graphs.append(describe_graph(g));
  const npu::Chip* chip = npu::find_chip(m.target);
  return dict_of("target"_a = text(m.target), "cores"_a = chip ? chip->cores : 1, "npu"_a = text(m.npu),
                 "compiler_version"_a = text(m.compiler_version), "format_version"_a = m.format_version,
                 "framework"_a = text(m.framework), "custom_string"_a = text(m.custom_string), "dynamic"_a = m.dynamic,
                 "batch"_a = m.batch, "weights_removed"_a = m.weights_removed, "file_bytes"_a = m.file_bytes,
                 "weight_bytes"_a = m.weight_bytes, "graphs"_a = graphs);
}

}  // namespace

NB_MODULE(_file, m) {
  m.doc() = "Reading .rknn files without running them.";
  python::translate_errors();  // nanobind asks every module's translators about every module's errors: they must agree
  m.def("summary", &summary, "model"_a,
        "What a file, given by its path or its content, says of itself as a whole: a few texts and a number.\n\n"
        "Raises as describe().");
  m.def("describe", &describe, "path"_a,
        "What the file at `path` says, as dicts, lists, numbers and strings.\n\n"
        "Raises NoSuchFile, ModelError (damaged, with the byte offset) or Unsupported (an unknown format).");
  m.def(
      "dump", [](const std::string& path, bool registers) { return python::dump_graphs(read(path), registers); },
      "path"_a, "registers"_a = true,
      "The graphs of the file at `path` with everything but the weights themselves: tensors, nodes, tasks;\n"
      "numbers in the lists are places in those lists. `registers` False leaves out the tasks' register commands.\n\n"
      "Raises as describe does.");
}
