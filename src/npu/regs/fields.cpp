#include "npu/regs/fields.hpp"

#include <algorithm>
#include <cstdio>

#include "ez_rknn/error.hpp"
#include "npu/regs/table.hpp"

namespace ez_rknn::npu {
namespace {

constexpr std::uint32_t kNoMinimum = 0x80000000u, kNoMaximum = 0x7fffffffu;

std::string hex(std::uint32_t v) {
  char text[16];
  std::snprintf(text, sizeof text, "%x", v);
  return text;
}

}  // namespace

void Fields::refuse(std::uint16_t reg, int low, int high, const std::string& what) const {
  throw Unsupported(std::string(chip.name) + ": register " + hex(reg) + " (" + register_name(chip, reg) +
                    ") = " + hex(regs[reg]) + ", bits " + std::to_string(low) + ".." + std::to_string(high) + " = " +
                    std::to_string(bits(reg, low, high)) + ": " + what);
}

Alu Fields::stage_alu(std::uint16_t reg, int low, int high) const {
  switch (bits(reg, low, high)) {
    case 0: return Alu::max;
    case 1: return Alu::min;
    case 2: return Alu::add;
    default: refuse(reg, low, high, "an ALU operation of a BS or BN stage other than max (0), min (1), add (2)");
  }
}

ElementWise::Op Fields::element_alu(std::uint16_t reg, int low, int high) const {
  using Op = ElementWise::Op;
  switch (bits(reg, low, high)) {
    case 0: return Op::max;
    case 1: return Op::min;
    case 2: return Op::add;
    case 3:
      if (!real) refuse(reg, low, high, "an element-wise division of integers");
      return Op::div;
    case 4: return Op::sub;
    default:
      refuse(reg, low, high,
             "an element-wise operation other than max (0), min (1), add (2), division (3), subtraction (4)");
  }
}

void Fields::raise(Clamp& c, std::uint32_t raw) const {
  if (real) {
    const float v = std::bit_cast<float>(raw);
    c.lo_real = c.lo_real ? std::max(*c.lo_real, v) : v;
  } else {
    const auto v = static_cast<std::int32_t>(raw);
    c.lo = c.lo ? std::max(*c.lo, v) : v;
  }
}

void Fields::lower(Clamp& c, std::uint32_t raw) const {
  if (real) {
    const float v = std::bit_cast<float>(raw);
    c.hi_real = c.hi_real ? std::min(*c.hi_real, v) : v;
  } else {
    const auto v = static_cast<std::int32_t>(raw);
    c.hi = c.hi ? std::min(*c.hi, v) : v;
  }
}

void Fields::relu(Clamp& c) const { raise(c, 0); }

void Fields::upper(Clamp& c, std::uint16_t reg) const { lower(c, regs[reg]); }

bool Fields::is_bound(std::uint16_t reg) const { return real || s32(reg) > 0; }

void Fields::bounds(Clamp& c, std::uint16_t low, std::uint16_t high) const {
  if (regs[low] != kNoMinimum) raise(c, regs[low]);
  if (regs[high] != kNoMaximum) lower(c, regs[high]);
}

void Fields::refuse_lost_bias(std::uint16_t reg, int bit_from_table, const std::optional<TableRef>& table) const {
  if (table && table->bias && !bit(reg, bit_from_table))
    refuse(reg, bit_from_table, bit_from_table, "a fused Clip in whose place the biases are lost, a compiler's fault");
}

int Fields::index_shift(std::uint16_t reg, int low, int high) const {
  const int shift = number(reg, low, high);
  if (shift > 31) refuse(reg, low, high, "an index shift of the look-up table above 31");
  return shift;
}

LutRange Fields::lut_range() const {
  return {.le_start = s32(0x4110),
          .le_end = s32(0x4114),
          .lo_start = s32(0x4118),
          .lo_end = s32(0x411c),
          .le_index_shift = index_shift(0x410c, 8, 15),
          .lo_index_shift = index_shift(0x410c, 16, 23),
          .underflow_scale = s16(0x4120),
          .overflow_scale = s16(0x4128, 16),
          .underflow_shift = number(0x4124, 0, 4),
          .overflow_shift = number(0x412c, 5, 9)};
}

}  // namespace ez_rknn::npu
