#pragma once
/// Reading one task's registers field by field, for the functions that bring a chip family's registers into the normal
/// form. Whatever is not understood is refused by name.
#include <array>
#include <bit>
#include <string>

#include "core/fp16.hpp"
#include "npu/regs/arithmetic.hpp"

namespace ez_rknn::npu {

struct Fields {
  const Chip& chip;
  const TaskRegisters& regs;
  bool real;  ///< operands are f32 / f16 / bfloat16 bits instead of integers

  std::uint32_t operator[](std::uint16_t reg) const { return regs[reg]; }
  /// Bits low..high, both included.
  std::uint32_t bits(std::uint16_t reg, int low, int high) const {
    return regs[reg] >> low & (0xffffffffu >> (31 - (high - low)));
  }
  int number(std::uint16_t reg, int low, int high) const { return static_cast<int>(bits(reg, low, high)); }
  bool bit(std::uint16_t reg, int n) const { return regs[reg] >> n & 1; }
  std::int32_t s32(std::uint16_t reg) const { return static_cast<std::int32_t>(regs[reg]); }
  std::int32_t s16(std::uint16_t reg, int low = 0) const { return static_cast<std::int16_t>(regs[reg] >> low); }

  /// Short reals are bfloat16 instead of f16: the DPU's processing precision says so.
  bool brain() const { return real && chip.family != Family::d && bits(0x4010, 0, 2) == 3; }
  float short_real(std::uint32_t raw) const {
    const auto b = static_cast<std::uint16_t>(raw);
    return brain() ? bfloat_to_float(b) : half_to_float(b);
  }

  static Operand table() { return {.table = true}; }
  /// A 32-bit operand: an integer, or the bits of an f32.
  Operand word(std::uint32_t raw) const {
    if (real) return {.real = std::bit_cast<float>(raw)};
    return {.value = static_cast<std::int32_t>(raw)};
  }
  /// A 16-bit operand: an integer, or the bits of a short real.
  Operand half(std::uint32_t raw) const {
    if (real) return {.real = short_real(raw)};
    return {.value = static_cast<std::int16_t>(raw)};
  }

  Alu stage_alu(std::uint16_t reg, int low, int high) const;
  ElementWise::Op element_alu(std::uint16_t reg, int low, int high) const;

  /// Relu: nothing below 0.
  void relu(Clamp& c) const;
  /// Families B, C, D: pairs of registers, several to a stage, the tightest bounds count. The extreme integers stand
  /// for "unbounded", also in the float pipeline.
  void bounds(Clamp& c, std::uint16_t low, std::uint16_t high) const;
  /// Integers: false for 0, which is what the compiler makes of a Clip that lacks a bound, be it the upper or the
  /// lower. No clamp is meant then; the range of the output, which was measured behind the Clip, does the same.
  bool is_bound(std::uint16_t reg) const;
  void upper(Clamp& c, std::uint16_t reg) const;

  /// @param shift index shifts of a look-up, up to 31
  int index_shift(std::uint16_t reg, int low, int high) const;
  /// The look-up ranges of the chips whose registers are RK3588's.
  LutRange lut_range() const;

  /// A fault of the compiler where a Clip whose lower bound is not 0 is fused into a convolution: the BS stage adds a
  /// number of its own instead of the biases that the task reads.
  /// @throws Unsupported when an operand is not taken from the table although it is there
  void refuse_lost_bias(std::uint16_t reg, int bit_from_table, const std::optional<TableRef>& table) const;

  /// @throws Unsupported naming chip, register, value and field
  [[noreturn]] void refuse(std::uint16_t reg, int low, int high, const std::string& what) const;

 private:
  void raise(Clamp& c, std::uint32_t raw) const;
  void lower(Clamp& c, std::uint32_t raw) const;
};

/// Registers of the element-wise unit of families B and C, which share its configuration bits.
struct ElementMap {
  std::uint16_t config, offset, scale;
  std::array<std::uint16_t, 2> minimum, maximum;
};
void element_wise_bc(const Fields& f, const ElementMap& at, Arithmetic& a);

/// One function per register family. Addresses, common to several, are filled in by `normalise`.
void normalise_a(const Fields& f, Arithmetic& a);
void normalise_b(const Fields& f, const file::Graph& graph, Arithmetic& a);
void normalise_c(const Fields& f, Arithmetic& a);
void normalise_d(const Fields& f, Arithmetic& a);

}  // namespace ez_rknn::npu
