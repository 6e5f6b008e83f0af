#pragma once
/// Reading fields of one task's registers; shared by the decoders of the blocks.
#include <cstdio>
#include <string>

#include "npu/regs/table.hpp"
#include "npu/task/decode.hpp"

namespace ez_rknn::npu::task {

struct Registers {
  const TaskRegisters& regs;

  std::uint32_t operator[](std::uint16_t reg) const { return regs[reg]; }
  std::uint32_t bits(std::uint16_t reg, int low, int high) const {
    return regs[reg] >> low & (0xffffffffu >> (31 - (high - low)));
  }
  int number(std::uint16_t reg, int low, int high) const { return static_cast<int>(bits(reg, low, high)); }
  bool bit(std::uint16_t reg, int n) const { return regs[reg] >> n & 1; }
  /// A distance in units of 16 bytes: bits 4..31.
  std::int64_t units(std::uint16_t reg) const { return std::int64_t{regs[reg] >> 4} * 16; }
  /// A signed 28-bit number at `low`.
  std::int64_t s28(std::uint16_t reg, int low) const { return static_cast<std::int32_t>(regs[reg] >> low << 4) >> 4; }
  Address address(std::uint16_t reg) const {
    if (const auto a = regs.address(reg)) return *a;
    refuse(reg, "an address register without a relocation");
  }
  Precision precision(std::uint16_t reg, int low, int high) const {
    switch (bits(reg, low, high)) {
      case 0: return Precision::i8;
      case 1: return Precision::i16;
      case 2: return Precision::f16;
      case 4: return Precision::i32;
      case 5: return Precision::f32;
      default: refuse(reg, "precision " + std::to_string(bits(reg, low, high)));
    }
  }
  [[noreturn]] void refuse(std::uint16_t reg, const std::string& what) const {
    char text[32];
    std::snprintf(text, sizeof text, ") = %x: ", regs[reg]);
    char number[32];
    std::snprintf(number, sizeof number, "register %x (", reg);
    throw Unsupported(number + register_name(*find_chip("rk3588"), reg) + text + what);
  }
};

DpuTask dpu_task(const Registers& r, bool real);

}  // namespace ez_rknn::npu::task
