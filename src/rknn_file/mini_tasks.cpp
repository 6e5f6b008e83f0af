/// RV1103/RV1106 files have no relocations: address registers hold addresses in one space, the areas of the file one
/// behind the other and then the activations. Here they become relocations to tensors.
#include <algorithm>
#include <array>

#include "rknn_file/loader.hpp"

namespace ez_rknn::file {
namespace {

/// Registers with addresses; destinations are looked for among a node's outputs first, because arena bytes are reused.
struct AddressRegister {
  std::uint16_t reg;
  bool destination;
};
constexpr std::array<AddressRegister, 9> kRegisters = {{{0x1070, false},
                                                        {0x1110, false},
                                                        {0x4020, true},
                                                        {0x5018, false},
                                                        {0x5020, false},
                                                        {0x502c, false},
                                                        {0x5038, false},
                                                        {0x6070, true},
                                                        {0x701c, false}}};
/// RV1103B, RV1106B
constexpr std::array<AddressRegister, 6> kRegistersB = {
    {{0x1034, false}, {0x1038, false}, {0x4010, true}, {0x5018, false}, {0x5020, false}, {0x5038, false}}};

constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

class Resolver {
 public:
  Resolver(Loader& l, const GraphTables& tables, const Graph& g) : l_(l), g_(g) {
    const auto& a = l.container.areas;
    commands_ = a.commands.size();
    const std::uint64_t generated = commands_, constants = generated + a.generated.size();
    const std::uint64_t arena = constants + a.constants.size();
    for (std::size_t i = 0; i < g.tensors.size(); ++i) {
      const auto in_area = [&](const ByteReader& area) { return tables.data[i].file_offset() - area.base(); };
      switch (g.tensors[i].kind) {
        case Kind::generated: start_.push_back(generated + in_area(a.generated)); break;
        case Kind::constant:
        case Kind::cpu_constant: start_.push_back(constants + in_area(a.constants)); break;
        case Kind::input:
        case Kind::output:
        case Kind::internal: start_.push_back(arena + g.tensors[i].arena_offset); break;
        default: start_.push_back(kNowhere);
      }
    }
  }

  /// The tensor an address points into; none for addresses in the command area (programs that patch themselves).
  std::optional<Relocation> resolve(const Node& n, bool destination, std::uint64_t word, std::uint32_t address) {
    if (address < commands_) return std::nullopt;
    const std::span<const std::int32_t> in = n.inputs, out = n.outputs;
    for (const auto operands : {destination ? out : in, destination ? in : out})
      for (const auto t : operands)
        if (t >= 0 && covers(static_cast<std::size_t>(t), address))
          return relocation(word, static_cast<std::size_t>(t), address);
    for (std::size_t t = 0; t < start_.size(); ++t)
      if (covers(t, address)) return relocation(word, t, address);
    return std::nullopt;
  }

 private:
  bool covers(std::size_t t, std::uint64_t address) {
    l_.budget.charge(1, "addresses", l_.container.areas.commands.base());
    return start_[t] <= address && address - start_[t] < std::max<std::uint32_t>(g_.tensors[t].size, 1);
  }
  Relocation relocation(std::uint64_t word, std::size_t t, std::uint64_t address) const {
    return {word, static_cast<std::int32_t>(t), static_cast<std::uint32_t>(address - start_[t])};
  }

  Loader& l_;
  const Graph& g_;
  std::uint64_t commands_ = 0;
  std::vector<std::uint64_t> start_;  ///< of every tensor, in the space of the addresses
};

const AddressRegister* address_register(std::span<const AddressRegister> registers, std::uint64_t command) {
  for (const auto& r : registers)
    if (r.reg == (command & 0xffff)) return &r;
  return nullptr;
}

}  // namespace

void read_mini_tasks(Loader& l, const GraphTables& tables, std::string_view target, Graph& g) {
  const auto& areas = l.container.areas;
  if (areas.commands.size() % 8 != 0)
    throw ModelError(areas.commands.base(),
                     std::to_string(areas.commands.size()) + " bytes of commands, not a multiple of 8");
  l.budget.charge(areas.commands.size(), "commands", areas.commands.base());
  g.commands.resize(areas.commands.size() / 8);
  if (!g.commands.empty()) std::memcpy(g.commands.data(), areas.commands.bytes().data(), areas.commands.size());
  const auto bytes = areas.tasks.slice(0, std::uint64_t{areas.task_count} * 40, "task table");
  const ByteReader records(bytes, areas.tasks.base());
  g.tasks = task_records(l, records);

  std::vector<std::uint32_t> counts;  // LUT uploads are included
  for (const auto& t : tables.nodes) {
    const auto tasks = t.vector<std::uint32_t>(l.scheme.node.tasks, "task counts");
    counts.push_back(tasks.empty() ? 0 : tasks[0]);
  }
  if (!assign_tasks(g.tasks, counts, g.nodes))
    throw ModelError(areas.tasks.base(), "the task table contradicts the nodes' task counts");
  keep_first_variant(records, g);

  const bool b = target == "rv1103b" || target == "rv1106b";
  const std::span<const AddressRegister> registers = b ? std::span<const AddressRegister>(kRegistersB) : kRegisters;
  Resolver resolver(l, tables, g);
  std::vector<bool> seen(g.commands.size());
  for (const auto& t : g.tasks) {
    l.budget.charge(t.words, "commands", areas.commands.base());
    for (auto w = t.first_word; w < t.first_word + t.words; ++w) {
      const auto* r = address_register(registers, g.commands[w]);
      if (!r || seen[w]) continue;
      seen[w] = true;
      const auto address = static_cast<std::uint32_t>(g.commands[w] >> 16);
      if (auto relocation = resolver.resolve(g.nodes[t.node], r->destination, w, address))
        g.relocations.push_back(*relocation);
    }
  }
  std::sort(g.relocations.begin(), g.relocations.end(), [](const auto& x, const auto& y) { return x.word < y.word; });
}

}  // namespace ez_rknn::file
