#include "npu/regs/table.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "npu/regs/table_rows.hpp"

namespace ez_rknn::npu {
namespace {

bool is_rk3566(const Chip& chip) { return chip.family == Family::a && chip.alu_algo_bit != 16; }

}  // namespace

const char* block_name(std::uint16_t reg) {
  constexpr const char* kBlocks[] = {"PC", "CNA", "CMAC", "CORE", "DPU", "DPU_RDMA", "PPU", "PPU_RDMA", "DDMA"};
  const int block = reg >> 12;
  return block < static_cast<int>(std::size(kBlocks)) ? kBlocks[block] : "?";
}

std::vector<std::span<const Register>> register_tables(const Chip& chip) {
  using namespace rows;
  std::vector<std::span<const Register>> tables;
  switch (chip.family) {
    case Family::a:
      if (is_rk3566(chip)) tables.push_back(rk3566());
      tables.insert(tables.end(), {cna(), core(), dpu(), lut()});
      break;
    case Family::b:
      if (chip.config_tensors) tables.push_back(rk3576());
      tables.insert(tables.end(), {rk3562(), chip.config_tensors ? lut_access() : lut()});
      break;
    case Family::c: tables.insert(tables.end(), {rv1106(), cna(), core(), dpu(), lut()}); break;
    case Family::d: tables.insert(tables.end(), {rv1106b(), lut_access()}); break;
  }
  tables.insert(tables.end(), {dpu_rdma(), ppu(), pc()});
  return tables;
}

const Register* find_register(const Chip& chip, std::uint16_t reg) {
  for (const auto table : register_tables(chip)) {
    const auto it = std::lower_bound(table.begin(), table.end(), reg,
                                     [](const Register& r, std::uint16_t offset) { return r.offset < offset; });
    if (it != table.end() && it->offset == reg) return &*it;
  }
  return nullptr;
}

std::string register_name(const Chip& chip, std::uint16_t reg) {
  if (const Register* r = find_register(chip, reg)) return r->name;
  char text[24];
  std::snprintf(text, sizeof text, "%s_%04X", block_name(reg), reg);
  return text;
}

}  // namespace ez_rknn::npu
