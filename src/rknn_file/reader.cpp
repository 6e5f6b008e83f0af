#include "rknn_file/reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "rknn_file/loader.hpp"
#include "rknn_file/user_types.hpp"

namespace ez_rknn::file {
namespace {

constexpr std::uint64_t kMaxArena = std::uint64_t{1} << 32;
constexpr std::int64_t kMaxBatch = 65536;

/// A file is old when only the old place of the buffers is filled (its version number is not asked: 3 and 5 were never
/// seen).
Scheme scheme_of(const Container& c, const FlatTable& model) {
  if (c.mini) return kMiniScheme;
  return model.has(kVersion6.model.buffers) ? kVersion6 : kOldVersions;
}

/// The toolkit names the wrong chip in some files (dynamic shapes; version 1). The NPU's own name is always right.
std::string corrected_target(std::string target, std::string_view npu) {
  struct Known {
    std::string_view npu;
    std::string_view targets[2];
  };
  static constexpr Known kKnown[] = {
      {"RKNPU v2", {"rk3588"}},
      {"RKNPU lite", {"rk3566", "rk3568"}},
      {"RKNPU t4", {"rk3562"}},
      {"RKNPU f2", {"rk3576"}},
      {"RKNPU f3", {"rv1126b"}},
      {"RKNPU t3", {"rv1106", "rv1103"}},
      {"RKNPU w1", {"rv1106b", "rv1103b"}},
  };
  for (auto& c : target)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const auto& k : kKnown)
    if (k.npu == npu && target != k.targets[0] && target != k.targets[1]) return std::string(k.targets[0]);
  return target;
}

std::int64_t read_batch(const Loader& l, const FlatTable& model) {
  const auto s = model.text(l.scheme.model.batch, "batch size");
  std::int64_t n = 0;
  const auto end = s.data() + s.size();
  const auto r = std::from_chars(s.data(), end, n);
  if (s.empty() || (r.ec == std::errc() && r.ptr == end && n == 0)) return 1;
  if (r.ec != std::errc() || r.ptr != end || n < 0 || n > kMaxBatch)
    throw ModelError(model.file_offset(l.scheme.model.batch), "batch size \"" + shown(s) + "\"");
  return n;
}

void read_buffers(Loader& l, const FlatTable& model) {
  const auto tables = model.tables(l.scheme.model.buffers, l.budget, "buffers");
  l.budget.charge(tables.size() * sizeof(l.buffers[0]), "buffers", model.file_offset());
  l.buffers.reserve(tables.size());
  for (const auto& t : tables) l.buffers.push_back(t.vector<std::byte>(0, "buffer"));
}

void read_ids(Loader& l, const FlatTable& graph, int field, const Graph& g, const char* what,
              std::vector<std::int32_t>& out) {
  const auto v = graph.vector<std::int32_t>(field, what);
  for (std::size_t i = 0; i < v.size(); ++i)
    if (v[i] < 0 || v[i] >= static_cast<std::int64_t>(g.tensors.size()))
      throw ModelError(v.file_offset(i), std::string(what) + ": tensor " + std::to_string(v[i]) + " of " +
                                             std::to_string(g.tensors.size()));
  out = v.copy(l.budget, what);
  if (out.empty()) throw ModelError(graph.file_offset(field), std::string(what) + ": none");
}

void read_normalisation(Loader& l, const FlatTable& graph, Graph& g) {
  const auto tables = graph.tables(l.scheme.graph.normalisation, l.budget, "mean and std");
  l.budget.charge(tables.size() * sizeof(Normalisation), "mean and std", graph.file_offset());
  if (tables.size() > g.inputs.size())
    throw ModelError(
        graph.file_offset(l.scheme.graph.normalisation),
        "mean and std of " + std::to_string(tables.size()) + " inputs, there are " + std::to_string(g.inputs.size()));
  for (const auto& t : tables) {
    Normalisation n;
    n.mean = t.vector<float>(0, "mean").copy(l.budget, "mean");
    n.std = t.vector<float>(1, "std").copy(l.budget, "std");
    n.order = t.vector<std::int32_t>(2, "channel order").copy(l.budget, "channel order");
    for (const float m : n.mean)
      if (!std::isfinite(m)) throw ModelError(t.file_offset(0), "mean " + std::to_string(m));
    for (const float s : n.std)
      if (!std::isfinite(s) || s == 0) throw ModelError(t.file_offset(1), "std " + std::to_string(s));
    for (const auto c : n.order)
      if (c < 0 || c >= static_cast<std::int64_t>(n.order.size()))
        throw ModelError(t.file_offset(2), "channel order " + std::to_string(c));
    g.normalisation.push_back(std::move(n));
  }
  g.normalisation.resize(g.inputs.size());
}

Graph read_graph(Loader& l, const FlatTable& table, const Model& m) {
  Graph g;
  GraphTables tables{table, {}, {}, {}};
  read_tensors(l, tables, g);
  read_nodes(l, tables, g);
  read_ids(l, table, l.scheme.graph.inputs, g, "graph inputs", g.inputs);
  read_ids(l, table, l.scheme.graph.outputs, g, "graph outputs", g.outputs);
  read_normalisation(l, table, g);
  attach_constants(l, tables, m.graphs.empty() ? nullptr : &m.graphs.front(), g);
  if (l.container.mini) read_mini_tasks(l, tables, m.target, g);
  else if (l.scheme.node.old_tasks >= 0) read_old_tasks(l, tables, g);
  else read_tasks(l, tables, g);
  return g;
}

bool lacks_weights(const Graph& g) {
  return std::any_of(g.tensors.begin(), g.tensors.end(), [](const Tensor& t) {
    return (t.kind == Kind::constant || t.kind == Kind::generated) && t.layout == Layout::weight && t.size != 0 &&
           t.data.empty();
  });
}

void read_description(Loader& l, const FlatTable& model, Model& m) {
  const auto& f = l.scheme.model;
  m.format_version = l.container.version;
  m.npu = l.text(model, f.npu, "NPU name");
  m.target = corrected_target(l.text(model, f.target, "target"), m.npu);
  m.compiler_version = l.text(model, f.compiler, "compiler version");
  m.framework = l.text(model, f.framework, "framework");
  m.custom_string = l.text(model, f.custom_string, "custom string");
  m.quantisation_text = l.text(model, f.quantisation_text, "quantisation text");
  m.batch = read_batch(l, model);
  for (const auto& [field, types] : {std::pair{f.user_inputs, &m.user_inputs}, {f.user_outputs, &m.user_outputs}}) {
    const auto text = model.text(field, "user types");
    l.budget.charge(text.size() * 16, "user types", model.file_offset(field));  // a name of one byte becomes a map node
    *types = read_user_types(text);
  }
  m.dynamic = model.text(f.shape_mode, "shape mode") == "dynamic_shape";
}

/// Sizes of weights and arena, where the file states them.
void read_memory(const Loader& l, const FlatTable& model, Model& m) {
  std::uint64_t arena = 0;
  if (l.container.mini) {
    const auto& a = l.container.areas;
    m.weight_bytes = a.constants.size() + a.generated.size();
    arena = a.arena_bytes;
  } else if (const auto memory = model.table(l.scheme.model.memory, "memory sizes")) {
    m.weight_bytes = memory->scalar<std::uint64_t>(0, 0, "weight bytes");
    arena = memory->scalar<std::uint64_t>(1, 0, "arena bytes");
  } else {
    for (const auto& t : m.graphs.front().tensors) m.weight_bytes += t.data.size();
  }
  for (auto& g : m.graphs) {
    g.arena_bytes = std::max(g.arena_bytes, arena);
    if (g.arena_bytes > kMaxArena)
      throw ModelError(l.container.flat.base(),
                       "activations of " + std::to_string(g.arena_bytes) + " bytes; at most 2^32 are accepted");
  }
}

}  // namespace

Model read_summary(Bytes bytes) {
  const Container container = open_container(bytes.data);
  Storage none;
  Loader l(container, bytes.data.size(), none);
  const auto root = FlatTable::root(container.flat, "model table");
  l.scheme = scheme_of(container, root);
  Model m;
  m.file_bytes = bytes.data.size();
  read_description(l, root, m);
  return m;
}

Model read(Bytes bytes) {
  const Container container = open_container(bytes.data);
  auto storage = std::make_shared<Storage>();
  storage->owners.push_back(bytes.owner);
  Loader l(container, bytes.data.size(), *storage);
  const auto root = FlatTable::root(container.flat, "model table");
  l.scheme = scheme_of(container, root);

  Model m;
  m.file_bytes = bytes.data.size();
  read_description(l, root, m);
  if (!container.mini) read_buffers(l, root);
  const auto graphs = root.tables(l.scheme.model.graphs, l.budget, "graphs");
  if (graphs.empty()) throw ModelError(root.file_offset(l.scheme.model.graphs), "a model without a graph");
  l.budget.charge(graphs.size() * sizeof(Graph), "graphs", root.file_offset());
  m.graphs.reserve(graphs.size());  // graph 0 lends its weights to the others
  for (const auto& t : graphs) {
    m.graphs.push_back(read_graph(l, t, m));
    if (bytes.mapped) m.graphs.back().mapped = bytes.data;
  }
  read_memory(l, root, m);
  m.dynamic = m.dynamic || m.graphs.size() > 1;
  m.weights_removed = std::any_of(m.graphs.begin(), m.graphs.end(), lacks_weights);
  m.storage = std::move(storage);
  return m;
}

void take_weights(Model& model, const Model& donor) {
  std::map<std::string_view, const Tensor*> given;
  for (const auto& g : donor.graphs)
    for (const auto& t : g.tensors)
      if (!t.data.empty()) given.emplace(t.name, &t);
  bool took = false;
  for (auto& g : model.graphs)
    for (auto& t : g.tensors) {
      const bool weight = t.layout == Layout::weight;
      if (t.size == 0 || !t.data.empty()) continue;
      if (t.kind != Kind::constant && t.kind != Kind::cpu_constant && t.kind != Kind::generated) continue;
      const auto it = given.find(t.name);
      const bool fits = it != given.end() && it->second->dtype == t.dtype && it->second->shape == t.shape &&
                        it->second->native_shape == t.native_shape;
      if (fits) t.data = it->second->data, took = true;
      else if (weight)
        throw Unsupported("the weights of \"" + shown(t.name) +
                          "\" were removed from the model, and the model that should lend them " +
                          (it == given.end() ? "has none of that name" : "has others under that name"));
    }
  if (!took) return;
  auto storage = std::make_shared<Storage>();
  storage->owners = {model.storage, donor.storage};
  model.storage = std::move(storage);
  model.weights_removed = false;
}

}  // namespace ez_rknn::file
