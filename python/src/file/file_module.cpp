/// ez_rknn_async._file: the description of a .rknn file as plain Python objects, for `ez-rknn info` and for tests.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "dict_of.hpp"
#include "errors.hpp"
#include "rknn_file/reader.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace ez_rknn;
using python::dict_of;

/// Text of a file may be anything: what is not UTF-8 shows as U+FFFD instead of failing the call.
nb::object text(const std::string& s) {
  return nb::steal(PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "replace"));
}

template <class T>
nb::list list_of(const T& values) {
  nb::list l;
  for (const auto& v : values) l.append(v);
  return l;
}

/// The first `count` of them, all when there are fewer or none is asked for.
std::span<const float> first(const std::vector<float>& values, std::size_t count) {
  return std::span(values).first(count && count < values.size() ? count : values.size());
}

const char* layout_name(const file::Tensor& t) {
  switch (t.layout) {
    case file::Layout::feature: return "NC1HWC2";
    case file::Layout::weight: return "packed";
    default: return t.shape.rank() == 4 ? "NCHW" : "dense";
  }
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

nb::dict describe(const std::string& path) {
  file::Model m;
  {
    nb::gil_scoped_release release;
    m = file::read(file::map_file(path));
  }
  nb::list graphs;
  for (const auto& g : m.graphs) graphs.append(describe_graph(g));
  return dict_of("target"_a = text(m.target), "npu"_a = text(m.npu), "compiler_version"_a = text(m.compiler_version),
                 "format_version"_a = m.format_version, "framework"_a = text(m.framework),
                 "custom_string"_a = text(m.custom_string), "dynamic"_a = m.dynamic, "batch"_a = m.batch,
                 "weights_removed"_a = m.weights_removed, "file_bytes"_a = m.file_bytes,
                 "weight_bytes"_a = m.weight_bytes, "graphs"_a = graphs);
}

}  // namespace

NB_MODULE(_file, m) {
  m.doc() = "Reading .rknn files without running them.";
  python::translate_errors();  // nanobind asks every module's translators about every module's errors: they must agree
  m.def("describe", &describe, "path"_a,
        "What the file at `path` says, as dicts, lists, numbers and strings.\n\n"
        "Raises NoSuchFile, ModelError (damaged, with the byte offset) or Unsupported (an unknown format).");
}
