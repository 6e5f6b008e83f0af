#include "npu/regs/disassemble.hpp"

#include <algorithm>
#include <cstdio>

#include "ez_rknn/error.hpp"
#include "npu/regs/table.hpp"

namespace ez_rknn::npu {
namespace {

constexpr std::uint16_t kLutData = 0x4104;

std::string hex(std::uint32_t v, int digits) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*x", digits, v);
  return text;
}

std::string line(const Chip& chip, std::uint16_t reg, std::uint32_t value, const std::string& relocation) {
  std::string s = hex(reg, 4) + " " + block_name(reg) + " " + register_name(chip, reg) + " = ";
  if (!relocation.empty()) return s + relocation;
  s += hex(value, 8);
  const Register* row = find_register(chip, reg);
  if (!row) return s;
  const char* separator = ": ";
  for (const RegisterField& f : row->fields) {
    const std::uint32_t v = value >> f.low & (0xffffffffu >> (31 - (f.high - f.low)));
    if (v == 0 || (f.low == 0 && f.high == 31)) continue;
    s += separator + std::string(f.name) + " " + std::to_string(v);
    separator = ", ";
  }
  return s;
}

std::string target_of(const file::Graph& graph, const file::Relocation& r) {
  const bool known = r.tensor >= 0 && static_cast<std::size_t>(r.tensor) < graph.tensors.size();
  std::string s =
      known ? "'" + graph.tensors[static_cast<std::size_t>(r.tensor)].name + "'" : "tensor " + std::to_string(r.tensor);
  return r.addend ? s + " + " + std::to_string(r.addend) : s;
}

}  // namespace

std::string block_names(std::uint32_t enable) {
  constexpr const char* kBlocks[] = {"CNA", "CMAC", "CORE", "DPU", "DPU_RDMA", "PPU", "PPU_RDMA"};
  std::string s;
  for (std::size_t b = 0; b < std::size(kBlocks); ++b)
    if (enable >> b & 1) s += std::string(s.empty() ? "" : "+") + kBlocks[b];
  return s.empty() ? "nothing" : s;
}

std::string disassemble(const Chip& chip, std::uint64_t word) {
  return line(chip, static_cast<std::uint16_t>(word), static_cast<std::uint32_t>(word >> 16), "");
}

std::string disassemble_task(const Chip& chip, const file::Graph& graph, std::size_t task) {
  if (task >= graph.tasks.size())
    throw InvalidArgument("task " + std::to_string(task) + " of " + std::to_string(graph.tasks.size()));
  const file::Task& t = graph.tasks[task];
  if (t.first_word > graph.commands.size() || t.words > graph.commands.size() - t.first_word)
    throw ModelError(t.first_word * 8, "task " + std::to_string(task) + " leaves the register commands");
  std::string s = "task " + std::to_string(task);
  if (t.node < graph.nodes.size()) s += " of " + graph.nodes[t.node].name;
  s += ": " + block_names(t.enable) + " (" + hex(t.enable, 2) + "), words " + std::to_string(t.first_word) + ".." +
       std::to_string(t.first_word + t.words) + "\n";

  auto relocation = std::lower_bound(graph.relocations.begin(), graph.relocations.end(), t.first_word,
                                     [](const file::Relocation& r, std::uint64_t word) { return r.word < word; });
  std::size_t uploads = 0;
  const auto flush = [&] {
    if (uploads) s += "  " + hex(kLutData, 4) + " DPU LUT_ACCESS_DATA: " + std::to_string(uploads) + " entries\n";
    uploads = 0;
  };
  for (std::uint64_t w = t.first_word; w < t.first_word + t.words; ++w) {
    const std::uint64_t word = graph.commands[w];
    if (word == 0) continue;
    const auto reg = static_cast<std::uint16_t>(word);
    if (reg == kLutData) {
      ++uploads;
      continue;
    }
    flush();
    while (relocation != graph.relocations.end() && relocation->word < w) ++relocation;
    const bool relocated = relocation != graph.relocations.end() && relocation->word == w;
    s += "  " +
         line(chip, reg, static_cast<std::uint32_t>(word >> 16), relocated ? target_of(graph, *relocation) : "") + "\n";
  }
  flush();
  return s;
}

}  // namespace ez_rknn::npu
