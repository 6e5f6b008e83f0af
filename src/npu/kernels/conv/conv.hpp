#pragma once
/// Whole-layer convolution with the DPU as its tail. Direct, without im2col in memory; weights are packed once for this
/// machine.
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/cpu.hpp"
#include "core/team.hpp"
#include "npu/kernels/dpu/layer.hpp"
#include "npu/kernels/map.hpp"

namespace ez_rknn::npu::kernels {

struct ConvShape {
  int in_h = 0, in_w = 0, in_c = 0;  ///< in_c: channels that carry data (pixels are padded to 16, see map.hpp)
  int out_h = 0, out_w = 0, out_c = 0;
  int kernel_h = 1, kernel_w = 1;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;
  int pad_top = 0, pad_left = 0;  ///< bottom and right follow from the output size
  int insert_h = 1,
      insert_w = 1;  ///< transposed convolution: the input is first spread to (in-1)*insert+1 with pad_value between
  bool depthwise = false;      ///< out_c == in_c, one kernel per channel
  std::int32_t pad_value = 0;  ///< integer networks: the input's zero point; it counts in window sums. Float: 0
  std::uint64_t outputs() const { return std::uint64_t(out_h) * std::uint64_t(out_w) * std::uint64_t(out_c); }
  std::uint64_t macs() const {
    return outputs() * std::uint64_t(kernel_h) * std::uint64_t(kernel_w) * std::uint64_t(depthwise ? 1 : in_c);
  }
};

/// Weights in plain order [out_c][in_c][kernel_h][kernel_w] (depthwise: [out_c][kernel_h][kernel_w]), decoded from the
/// file. Exactly one of the vectors is used: integers for int8 and int16 networks (values -255..255 for int8 with
/// folded offsets), reals else.
struct ConvWeights {
  std::vector<std::int16_t> integers;
  std::vector<float> reals;
};

enum class ConvInput { i8, i16, f16, bf16, f32 };

/// Immutable after prepare; run from many threads with different maps and scratch.
class Conv {
 public:
  virtual ~Conv() = default;
  /// @param operand  the EW operand's map when tail.ew is from_memory (full tensor: the output's size; per_channel: one
  /// pixel), else null data
  /// @param scratch  scratch_bytes() bytes, 64-byte aligned
  virtual void run(const ConstMap& in, const ConstMap& operand, const Map& out, Team& team,
                   std::span<std::byte> scratch) const = 0;
  /// For a team of up to `workers`.
  virtual std::size_t scratch_bytes(int workers) const = 0;
  virtual std::size_t packed_bytes() const = 0;
  /// What a run is worth to the team, in the units of share.hpp.
  virtual std::uint64_t work() const = 0;
  virtual std::string_view kernel() const = 0;  ///< "conv_i8/avx512vnni"
};

/// Pick the best variant allowed here that is exact for these weights, or the one named by `isa` (tests, benchmarks).
/// The plain reference covers every case, int16 included. @throws Unsupported when a forced isa has no variant for this
/// layer
std::unique_ptr<Conv> prepare_conv(const ConvShape& shape, ConvInput input, ConvWeights weights, DpuLayer tail,
                                   std::optional<cpu::Isa> isa = std::nullopt);

}  // namespace ez_rknn::npu::kernels
