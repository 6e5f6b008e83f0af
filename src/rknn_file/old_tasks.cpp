/// Format versions 1, 2 and 4 keep tasks inside the nodes: each names a command stream and relocates by register. They
/// are strung together into one command list with a task table, as version 6 has it.
#include <algorithm>
#include <unordered_map>

#include "rknn_file/loader.hpp"

namespace ez_rknn::file {
namespace {

constexpr std::uint16_t kDpuPointer = 0x4004;  // first register of every LUT upload
constexpr std::uint32_t kDpuAndRdma = 0x18;

struct StreamWord {
  std::uint16_t zero, reg;
  std::uint32_t value;
};
static_assert(sizeof(StreamWord) == 8);

/// `addend` is where the tile begins, of which column and row are the same in pixels: not read.
struct OldRelocation {
  std::uint32_t reg, tensor, addend, column, row, unknown;
};
static_assert(sizeof(OldRelocation) == 24);

/// Fields of a task table inside a node.
enum Field { kStream = 0, kLut = 1, kEnable = 3, kRelocations = 5, kCoreMask = 7, kCores = 8 };

class Assembler {
 public:
  Assembler(Loader& l, const GraphTables& tables, Graph& g) : l_(l), tables_(tables), g_(g) {}

  void add(std::uint32_t node, const FlatTable& task) {
    if (task.scalar<std::int32_t>(kCores, 1, "task: cores") != 1 ||
        task.scalar<std::int32_t>(kCoreMask, 1, "task: core mask") != 1)
      return;  // belongs to a variant for several cores
    const auto lut = task.scalar<std::int32_t>(kLut, 0, "task: LUT");
    if (lut != 0 && lut != lut_) upload(node, stream(task, lut, Kind::lut, kLut));
    if (lut != 0) lut_ = lut;
    const auto words =
        stream(task, task.scalar<std::int32_t>(kStream, 0, "task: commands"), Kind::old_commands, kStream);
    const auto first =
        append(node, task.scalar<std::uint32_t>(kEnable, 0, "task: enable mask"), words, 0, words.size());
    relocate(task, words, first);
  }

 private:
  FlatVector<StreamWord> stream(const FlatTable& task, std::int32_t tensor, Kind kind, int field) const {
    if (tensor < 0 || static_cast<std::size_t>(tensor) >= g_.tensors.size() ||
        g_.tensors[static_cast<std::size_t>(tensor)].kind != kind)
      throw ModelError(task.file_offset(field),
                       "tensor " + std::to_string(tensor) + " is not a command stream of the kind a task needs");
    const auto& data = tables_.data[static_cast<std::size_t>(tensor)];
    if (data.size() % sizeof(StreamWord) != 0)
      throw ModelError(data.file_offset(),
                       "a command stream of " + std::to_string(data.size()) + " bytes, not a multiple of 8");
    return {data.bytes(), data.file_offset()};
  }

  std::uint64_t append(std::uint32_t node, std::uint32_t enable, const FlatVector<StreamWord>& words, std::size_t from,
                       std::size_t to) {
    l_.budget.charge((to - from) * 8 + sizeof(Task), "command streams", words.file_offset());
    const std::uint64_t first = g_.commands.size();
    for (std::size_t i = from; i < to; ++i) {
      const auto w = words[i];
      g_.commands.push_back(std::uint64_t{w.value} << 16 | w.reg);
    }
    g_.tasks.push_back({node, enable, first, static_cast<std::uint32_t>(to - from)});
    ++g_.nodes[node].task_count;
    return first;
  }

  /// A LUT blob holds one task a table (LE, LO); each begins by setting the DPU's register pointer.
  void upload(std::uint32_t node, const FlatVector<StreamWord>& words) {
    for (std::size_t i = 0; i < words.size();) {
      auto end = i + 1;
      while (end < words.size() && words[end].reg != kDpuPointer) ++end;
      if (words[i].reg != kDpuPointer)
        throw ModelError(words.file_offset(i), "a LUT blob that does not begin with register 0x4004");
      append(node, kDpuAndRdma, words, i, end);
      i = end;
    }
  }

  void relocate(const FlatTable& task, const FlatVector<StreamWord>& words, std::uint64_t first) {
    const auto relocations = task.vector<OldRelocation>(kRelocations, "task: relocations");
    if (relocations.empty()) return;
    std::unordered_map<std::uint32_t, std::uint64_t> last;  // register -> its word
    for (std::size_t i = 0; i < words.size(); ++i) last[words[i].reg] = first + i;
    l_.budget.charge(relocations.size() * sizeof(Relocation), "relocations", relocations.file_offset());
    for (std::size_t i = 0; i < relocations.size(); ++i) {
      const auto r = relocations[i];
      const auto word = last.find(r.reg);
      if (word == last.end())
        throw ModelError(relocations.file_offset(i),
                         "relocation of register " + std::to_string(r.reg) + ", which the task does not write");
      if (r.tensor >= g_.tensors.size())
        throw ModelError(relocations.file_offset(i),
                         "relocation to tensor " + std::to_string(r.tensor) + " + " + std::to_string(r.addend));
      g_.relocations.push_back({word->second, static_cast<std::int32_t>(r.tensor), r.addend});
      last.erase(word);  // a second one would contradict the first
    }
  }

  Loader& l_;
  const GraphTables& tables_;
  Graph& g_;
  std::int32_t lut_ = 0;  ///< tensor id of the LUT uploaded last
};

}  // namespace

void read_old_tasks(Loader& l, const GraphTables& tables, Graph& g) {
  Assembler assembler(l, tables, g);
  for (std::uint32_t k = 0; k < g.nodes.size(); ++k) {
    g.nodes[k].first_task = static_cast<std::uint32_t>(g.tasks.size());
    for (const auto& task : tables.nodes[k].tables(l.scheme.node.old_tasks, l.budget, "tasks of a node"))
      assembler.add(k, task);
  }
  std::sort(g.relocations.begin(), g.relocations.end(), [](const auto& a, const auto& b) { return a.word < b.word; });
}

}  // namespace ez_rknn::file
