/// Nodes: type, operands, attributes.
#include <algorithm>

#include "rknn_file/bson.hpp"
#include "rknn_file/loader.hpp"
#include "rknn_file/union_attributes.hpp"

namespace ez_rknn::file {
namespace {

constexpr int kNpuTarget = 2;
constexpr std::size_t kMaxType = 200;
constexpr std::size_t kMaxVtables = 64;  // a file has a handful of distinct ones

/// A node's type is a bare word ("ConvRelu"); its name is "Conv:conv_1". The limit keeps the search below cheap.
bool reads_like_a_type(const FlatTable& t, int field) {
  const auto s = t.text_if_valid(field);
  return s && !s->empty() && s->size() <= kMaxType &&
         std::all_of(s->begin(), s->end(), [](char c) { return c > ' ' && c < 127 && c != ':'; });
}

/// The toolkit writes some files (a 1-D MaxPool, int8) in which the last nodes point at the vtable of another node.
/// Such a table is read through the vtables of the other nodes until its type makes sense.
void repair_vtables(std::vector<FlatTable>& nodes, int type_field, Budget& budget) {
  std::vector<const FlatTable*> donors;
  for (const auto& n : nodes) {
    if (donors.size() == kMaxVtables) break;
    budget.charge(donors.size(), "nodes", n.file_offset());
    if (reads_like_a_type(n, type_field) &&
        std::none_of(donors.begin(), donors.end(), [&](auto* d) { return d->vtable() == n.vtable(); }))
      donors.push_back(&n);
  }
  const std::vector<FlatTable> sound = [&] {
    std::vector<FlatTable> v;
    for (const auto* d : donors) v.push_back(*d);
    return v;
  }();
  for (auto& n : nodes) {
    if (reads_like_a_type(n, type_field)) continue;
    budget.charge(sound.size() * kMaxType, "nodes", n.file_offset());
    const auto fits = [&](const FlatTable& d) { return reads_like_a_type(n.with_vtable_of(d), type_field); };
    const auto donor = std::find_if(sound.begin(), sound.end(), fits);
    if (donor == sound.end()) throw ModelError(n.file_offset(), "a node without a readable type");
    n = n.with_vtable_of(*donor);
  }
}

std::vector<std::int32_t> read_operands(Loader& l, const FlatTable& t, int field, const Graph& g, const char* what) {
  const auto v = t.vector<std::int32_t>(field, what);
  for (std::size_t i = 0; i < v.size(); ++i)
    if (v[i] < -1 || v[i] >= static_cast<std::int64_t>(g.tensors.size()))
      throw ModelError(v.file_offset(i), std::string(what) + ": tensor " + std::to_string(v[i]) + " of " +
                                             std::to_string(g.tensors.size()));
  return v.copy(l.budget, what);
}

void read_attributes(Loader& l, const FlatTable& t, Attributes& out) {
  const auto& f = l.scheme.node;
  out.file_offset = t.file_offset();
  const auto bytes = t.vector<std::byte>(f.bson, "node attributes");
  const ByteReader document(bytes.bytes(), bytes.file_offset());
  // Anything else than a document here is left-over memory of the compiler, or private to LSTM and GRU.
  if (is_bson(document)) {
    out.file_offset = document.base();
    read_bson_attributes(document, l.budget, out);
  }
  int tag = t.scalar<std::uint8_t>(f.union_tag, 0, "attribute tag");
  if (tag == 0) return;  // the table, if any, is meaningless
  if (l.container.mini && tag == kGru) tag = kMiniGru;
  if (const auto table = t.table(f.union_table, "attribute table")) read_union_attributes(tag, *table, l.budget, out);
}

}  // namespace

void read_nodes(Loader& l, GraphTables& tables, Graph& g) {
  const auto& f = l.scheme.node;
  tables.nodes = tables.graph.tables(l.scheme.graph.nodes, l.budget, "nodes");
  repair_vtables(tables.nodes, f.type, l.budget);
  l.budget.charge(tables.nodes.size() * sizeof(Node), "nodes", tables.graph.file_offset());
  g.nodes.reserve(tables.nodes.size());
  for (const auto& t : tables.nodes) {
    Node n;
    n.type = l.text(t, f.type, "node type");
    n.name = l.text(t, f.name, "node name");
    n.on_npu = t.scalar<std::uint8_t>(f.target, 0, "node target") == kNpuTarget;
    n.inputs = read_operands(l, t, f.inputs, g, "node input");
    n.outputs = read_operands(l, t, f.outputs, g, "node output");
    read_attributes(l, t, n.attributes);
    g.nodes.push_back(std::move(n));
  }
}

}  // namespace ez_rknn::file
