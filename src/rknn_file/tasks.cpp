/// Task table, register commands and relocations of version 6.
#include <algorithm>
#include <unordered_map>

#include "rknn_file/loader.hpp"

namespace ez_rknn::file {
namespace {

constexpr std::uint64_t kTaskRecord = 40;

/// The bytes of the one tensor of this kind; none where no node runs on the NPU.
FlatVector<std::byte> only_tensor(const GraphTables& tables, const Graph& g, Kind kind, const char* what) {
  FlatVector<std::byte> found;
  bool seen = false;
  for (std::size_t i = 0; i < g.tensors.size(); ++i) {
    if (g.tensors[i].kind != kind) continue;
    if (seen) throw ModelError(tables.tensors[i].file_offset(), std::string("a graph with two ") + what + " tensors");
    found = tables.data[i], seen = true;
  }
  return found;
}

/// Tasks of the first variant, node by node. LUT uploads are counted apart where the file has several variants.
std::vector<std::uint32_t> task_counts(const Loader& l, const GraphTables& tables, bool add_luts) {
  std::vector<std::uint32_t> counts;
  for (const auto& t : tables.nodes) {
    const auto tasks = t.vector<std::int32_t>(l.scheme.node.tasks, "task counts");
    const auto luts = t.vector<std::int32_t>(l.scheme.node.lut_tasks, "LUT task counts");
    std::int64_t n = tasks.empty() ? 0 : tasks[0];
    if (add_luts && !luts.empty()) n += luts[0];
    if (n < 0 || n > INT32_MAX)
      throw ModelError(t.file_offset(l.scheme.node.tasks), "a node with " + std::to_string(n) + " tasks");
    counts.push_back(static_cast<std::uint32_t>(n));
  }
  return counts;
}

bool counts_luts_apart(const Loader& l, const GraphTables& tables) {
  return std::any_of(tables.nodes.begin(), tables.nodes.end(), [&](const auto& t) {
    return t.template vector<std::int32_t>(l.scheme.node.tasks, "task counts").size() > 1;
  });
}

void read_relocations(Loader& l, const GraphTables& tables, Graph& g) {
  std::unordered_map<std::string_view, std::int32_t> by_name;
  for (std::size_t i = 0; i < g.tensors.size(); ++i) by_name.emplace(g.tensors[i].name, static_cast<std::int32_t>(i));
  for (const auto& t : tables.graph.tables(l.scheme.graph.relocations, l.budget, "relocations")) {
    const auto name = t.text(0, "relocation name");
    const auto words = t.vector<std::uint64_t>(1, "relocated words");
    const auto tensor = by_name.find(name);
    if (tensor == by_name.end())
      throw ModelError(t.file_offset(0), "relocation for the tensor \"" + shown(name) + "\", which does not exist");
    l.budget.charge(words.size() * sizeof(Relocation), "relocations", words.file_offset());
    for (std::size_t i = 0; i < words.size(); ++i) {
      const Relocation r{words[i] >> 32, tensor->second, static_cast<std::uint32_t>(words[i])};
      if (r.word >= g.commands.size())
        throw ModelError(words.file_offset(i),
                         "relocation of word " + std::to_string(r.word) + " of " + std::to_string(g.commands.size()));
      g.relocations.push_back(r);
    }
  }
  std::sort(g.relocations.begin(), g.relocations.end(), [](const auto& a, const auto& b) { return a.word < b.word; });
  const auto twice = std::adjacent_find(g.relocations.begin(), g.relocations.end(),
                                        [](const auto& a, const auto& b) { return a.word == b.word; });
  if (twice != g.relocations.end())
    throw ModelError(tables.graph.file_offset(l.scheme.graph.relocations),
                     "two relocations of word " + std::to_string(twice->word));
}

}  // namespace

const Relocation* Graph::relocation_of(std::uint64_t word) const {
  const auto it = std::lower_bound(relocations.begin(), relocations.end(), word,
                                   [](const Relocation& r, std::uint64_t w) { return r.word < w; });
  return it != relocations.end() && it->word == word ? &*it : nullptr;
}

std::vector<Task> task_records(Loader& l, const ByteReader& table) {
  l.budget.charge(table.size() / kTaskRecord * sizeof(Task), "task table", table.base());
  std::vector<Task> tasks;
  tasks.reserve(table.size() / kTaskRecord);
  for (std::uint64_t at = 0; at + kTaskRecord <= table.size(); at += kTaskRecord)
    tasks.push_back({.node = table.get<std::uint32_t>(at + 4, "task"),
                     .enable = table.get<std::uint32_t>(at + 8, "task"),
                     .first_word = table.get<std::uint64_t>(at + 32, "task"),  // bytes as yet
                     .words = table.get<std::uint32_t>(at + 24, "task")});
  return tasks;
}

void keep_first_variant(const ByteReader& table, Graph& g) {
  std::size_t count = 0;
  for (const auto& n : g.nodes) count = std::max<std::size_t>(count, n.first_task + n.task_count);
  g.tasks.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& t = g.tasks[i];
    const auto byte = t.first_word;
    t.first_word = byte / 8;
    if (byte % 8 != 0 || t.first_word > g.commands.size() || t.words > g.commands.size() - t.first_word)
      throw ModelError(table.base() + i * kTaskRecord,
                       "a task of " + std::to_string(t.words) + " words at byte " + std::to_string(byte) + " of " +
                           std::to_string(g.commands.size() * 8) + " bytes of commands");
  }
}

bool assign_tasks(std::span<const Task> tasks, std::span<const std::uint32_t> counts, std::vector<Node>& nodes) {
  std::uint64_t at = 0;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    if (counts[k] > tasks.size() - at) return false;
    for (std::uint64_t i = at; i < at + counts[k]; ++i)
      if (tasks[i].node != k) return false;
    nodes[k].first_task = static_cast<std::uint32_t>(at), nodes[k].task_count = counts[k];
    at += counts[k];
  }
  // Behind the last variant may lie left-over memory of the compiler.
  return at == tasks.size() || at == 0 || tasks[at].node <= tasks[at - 1].node || tasks[at].node >= nodes.size();
}

void read_tasks(Loader& l, const GraphTables& tables, Graph& g) {
  const auto commands = only_tensor(tables, g, Kind::commands, "command");
  const auto table = only_tensor(tables, g, Kind::tasks, "task");
  if (commands.size() % 8 != 0)
    throw ModelError(commands.file_offset(),
                     std::to_string(commands.size()) + " bytes of commands, not a multiple of 8");
  l.budget.charge(commands.size(), "commands", commands.file_offset());
  g.commands.resize(commands.size() / 8);
  if (!g.commands.empty()) std::memcpy(g.commands.data(), commands.bytes().data(), commands.size());
  const ByteReader records(table.bytes(), table.file_offset());
  g.tasks = task_records(l, records);
  // Which of the two ways of counting a file follows depends on its chip; the records themselves decide.
  const bool apart = counts_luts_apart(l, tables);
  if (!assign_tasks(g.tasks, task_counts(l, tables, apart), g.nodes) &&
      !assign_tasks(g.tasks, task_counts(l, tables, !apart), g.nodes))
    throw ModelError(table.file_offset(), "the task table contradicts the nodes' task counts");
  keep_first_variant(records, g);
  read_relocations(l, tables, g);
}

}  // namespace ez_rknn::file
