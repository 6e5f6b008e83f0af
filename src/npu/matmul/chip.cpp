#include "npu/matmul/chip.hpp"

#include <algorithm>
#include <string>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::matmul {
namespace {

constexpr Chip kChips[] = {
    // name    cores int4   atom  int8      float16   int4      segment
    {"rk3588", 3, true, 16, {32, 32}, {16, 32}, {64, 32}, 8192},
    {"rk3576", 2, true, 16, {32, 32}, {16, 32}, {64, 32}, 4096},
    {"rk3562", 1, false, 16, {16, 32}, {8, 32}, {}, 0},
    {"rk3566", 1, false, 8, {16, 32}, {8, 16}, {}, 0},
    {"rk3568", 1, false, 8, {16, 32}, {8, 16}, {}, 0},
};

}  // namespace

int Chip::a_unit(DType a) const { return a == DType::i4 ? 2 * atom_bytes : atom_bytes / static_cast<int>(size_of(a)); }

int Chip::c_unit(DType c) const { return size_of(c) == 4 ? 4 : a_unit(c); }

Tile Chip::b_tile(DType a) const { return a == DType::i4 ? tile_i4 : a == DType::i8 ? tile_i8 : tile_f16; }

const Chip& find_chip(std::string_view name) {
  const auto* chip = std::ranges::find(kChips, name, &Chip::name);
  if (chip != std::end(kChips)) return *chip;
  std::string known;
  for (const Chip& c : kChips) known += (known.empty() ? "" : ", ") + std::string(c.name);
  throw InvalidArgument("no matrix multiplication for chip \"" + std::string(name) + "\"; accepted: " + known);
}

}  // namespace ez_rknn::npu::matmul
