#pragma once
/// The DPU of one layer with everything resolved: per-channel operands as arrays, LUT contents at hand. Made by the
/// plan from an `Arithmetic` and the file's tables; run as the tail of a convolution or on its own over an element-wise
/// node.
#include <cstdint>
#include <optional>
#include <vector>

#include "core/dtype.hpp"
#include "npu/regs/arithmetic.hpp"

namespace ez_rknn::npu::kernels {

/// A per-channel operand: empty (absent), one value for all channels, or one per channel.
template <class T>
struct Channels {
  std::vector<T> values;
  explicit operator bool() const { return !values.empty(); }
  T operator[](std::size_t c) const { return values.size() == 1 ? values[0] : values[c]; }
};

struct ResolvedStage {
  bool mul_first = false;
  std::optional<Alu> alu;
  bool mul = false;
  Channels<std::int32_t> alu_value, mul_value;  ///< integer pipeline
  Channels<float> alu_real, mul_real;           ///< float pipeline
  int shift = 0, shift_negative = 0;
  bool prelu = false;
  Clamp clamp;
};

struct DpuLayer {
  bool real = false;          ///< float pipeline (values f32), else integers
  int channels = 0;           ///< channels that carry data; vectors above have this many entries or one
  Channels<std::int32_t> ow;  ///< added times the window sum of the inputs; empty: none (integer convolutions only)
  int accumulator_shift = 0;
  std::optional<ResolvedStage> bs, bn;
  std::optional<ElementWise> ew;  ///< `constant` used when not from_memory
  Lut lut;
  LutRange lut_range;
  OutputConvert out;
  float ppu_scale = 1.0f;
  DType out_type = DType::i8;  ///< i8, i16, i32, f16, bf16, f32
  DType operand_type = DType::i8;
  /// Output channels beyond `channels` up to the padded count are written as 0.
};

/// The definition, one value at a time; never tuned. Integer pipelines compute in 64 bits and saturate to out_type.
/// @param c channel  @param v accumulator or source element  @param operand the EW operand's raw element (ignored
/// without one)
std::int64_t dpu_ref(const DpuLayer& layer, int c, std::int64_t v, std::int64_t operand);
/// Float result before it is stored in out_type (the store rounds to nearest even); integer-pipeline layers may have
/// float outputs and float-pipeline layers integer outputs: these two overloads cover both.
double dpu_ref_real(const DpuLayer& layer, int c, float v, float operand);
double dpu_ref_int_to_real(const DpuLayer& layer, int c, std::int64_t v, std::int64_t operand);

}  // namespace ez_rknn::npu::kernels
