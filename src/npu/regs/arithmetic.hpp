#pragma once
/// The normal form of what the DPU does to a value, the same for every chip: BS -> BN -> LUT -> EW -> output converter.
/// `normalise` (normalise.hpp) makes it from one task's registers; everything behind it is shared by all chips.
#include <cstdint>
#include <limits>
#include <optional>

#include "npu/regs/banks.hpp"

namespace ez_rknn::npu {

/// Where a stage takes an operand from: one number for all channels, or the per-channel table of the stage.
struct Operand {
  bool table = false;
  std::int32_t value = 0;  ///< integer pipeline
  float real = 0.0f;       ///< float pipeline
};

enum class Alu : std::uint8_t { max = 0, min = 1, add = 2, div = 3, sub = 4 };

/// Clamp bounds; absent means unbounded. Float pipelines use the real ones.
struct Clamp {
  std::optional<std::int32_t> lo, hi;
  std::optional<float> lo_real, hi_real;
};

/// BS or BN. Integer semantics, every >> rounding to nearest (ties: docs/fidelity.md):
///   BS, and BN of families B, C, D:   v = alu(v, ALU);  v = (v * MUL) >> (v >= 0 ? shift : shift_negative)
///   BN of family A (mul_first):       v = v * MUL;      v = alu(v, ALU);  then the shift
/// prelu: MUL applies to negative v only. Then the clamp.
struct Stage {
  bool mul_first = false;
  std::optional<Alu> alu;  ///< max, min or add
  Operand alu_operand;
  bool mul = false;
  Operand mul_operand;
  int shift = 0, shift_negative = 0;
  bool prelu = false;
  Clamp clamp;
};

/// A per-channel table of a stage in the file: groups of Chip::table_group channels, parts that are absent take no
/// space.
struct TableRef {
  Address address;
  bool bias = false, ow = false, mul = false;
};

/// Element-wise stage. LUT first, then the operation with the operand, then the clamp.
struct ElementWise {
  bool lut = false;
  enum class Op : std::uint8_t { none, max, min, add, div, sub, mul } op = Op::none;
  bool from_memory = false;  ///< operand is a tensor, else `constant`
  bool per_channel = false;  ///< the tensor is a 1x1 cube broadcast over H, W
  Operand constant;
  bool convert = false;  ///< integer: operand = ((x + offset) * scale) >> operand_shift; float: x * scale_real
  std::int32_t offset = 0;
  std::int32_t scale = 1;
  float scale_real = 1.0f;
  int operand_shift = 0;
  int result_shift = 0;  ///< integer: result >>= result_shift
  Clamp clamp;
};

/// The last step, by pipeline and result:
///   integer -> integer  ((v * scale) >> shift) + offset, saturated
///   integer -> float    (v + offset) * float_scale
///   float -> float      v * float_scale
///   float -> integer    nearest_even(v * scale * 2^-shift) + offset, saturated
struct OutputConvert {
  std::int32_t offset = 0, scale = 1;
  int shift = 0;
  int exponent = 0;
  /// Everything a float result is multiplied with: 2^-exponent behind a float pipeline of family A, else
  /// scale * 2^-shift * 2^-exponent.
  double float_scale = 1.0;
};

struct LutRange {
  std::int32_t le_start = -16384, le_end = 0, lo_start = 0, lo_end = 16384;
  int le_index_shift = 5, lo_index_shift = 5;
  std::int32_t underflow_scale = 0, overflow_scale = 0;
  int underflow_shift = 0, overflow_shift = 0;
  bool operator==(const LutRange&) const = default;
};

/// Everything arithmetic about one task. Addresses name tensors so that the plan can find its operands.
struct Arithmetic {
  bool real = false;                        ///< float pipeline: values are f32, operands f32 / f16, no shifts
  bool brain = false;                       ///< its short operands are bfloat16
  std::optional<std::int32_t> ow_constant;  ///< one OW for all channels; a table's OW part wins
  bool ow_table = false;
  int accumulator_shift = 0;  ///< CORE truncation before BS
  std::optional<TableRef> bs_table, bn_table;
  std::optional<Stage> bs, bn;
  std::optional<ElementWise> ew;
  OutputConvert out;
  LutRange lut;
  std::optional<Address> source, operand, destination, weights, feature;
  float ppu_scale = 1.0f;  ///< RK3566 fp16 LUTs: a PPU chained behind the DPU multiplies by 2^-15
};

}  // namespace ez_rknn::npu
