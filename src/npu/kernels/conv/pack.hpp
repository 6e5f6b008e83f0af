#pragma once
/// Weights as the inner loops of dense convolution read them.
#include <optional>
#include <vector>

#include "core/shared_bytes.hpp"
#include "npu/kernels/conv/dense_kernel.hpp"
#include "npu/kernels/conv/variants.hpp"
#include "npu/kernels/dpu/tail_bounds.hpp"

namespace ez_rknn::npu::kernels {

/// A range of output channels that one call of an inner loop computes.
struct PackedBlock {
  int first_group = 0;
  const DenseBlock* loop = nullptr;
  std::size_t offset = 0;  ///< bytes into the packed weights
};

/// Cuts the groups of so many channels into the largest blocks the kernel has, `group_bytes` of weights a group.
std::vector<PackedBlock> cut_groups(int channels, const DenseKernel& kernel, std::size_t group_bytes);

struct PackedWeights {
  std::vector<PackedBlock> blocks;
  SharedBytes bytes;
  /// What the window sum is multiplied with, a channel; empty when nothing is left to add.
  std::vector<std::int32_t> factors;
  /// The same for all channels (u8_s8): sums begin with the product (DenseTile::starts), and `factors` is empty.
  std::int32_t factor = 0;
  int taps = 0, steps = 0;
  /// Set: `bytes` are the kernel's to widen, with this, two numbers a channel.
  std::vector<std::int16_t> base;
  bool window_sums() const { return factor != 0 || !factors.empty(); }
  std::size_t widened_bytes() const { return base.empty() ? bytes.size() : 2 * bytes.size(); }
};

/// A channel's weights, window-sum factor included.
struct WeightRange {
  std::int32_t lo, hi;
  /// What moves them so that none is negative, nor a 0 among them.
  std::int32_t below_zero() const { return lo < 0 ? -lo : 0; }
};
WeightRange weight_range(const ConvJob& job, int channel);
/// Whether eight bits without a sign hold every channel's weights, and 0, when moved by below_zero().
bool fit_unsigned(const ConvJob& job);

/// How a window is cut into runs of contiguous elements: with `merged`, a run is a whole kernel row.
struct RunShape {
  bool merged = false;
  int channels = 0;  ///< elements from pixel to pixel
};

/// Nothing when the encoding cannot hold these weights.
std::optional<PackedWeights> pack_dense(const ConvJob& job, const RunShape& run, const DenseKernel& kernel);

/// Steps of a tile register's rows (DenseEncoding::s8_tiles), and its bytes.
constexpr int kTileSteps = 16, kTileBytes = kTileSteps * 64;
/// Channels of a tile of DenseEncoding::bf16_tiles.
constexpr int kPartChannels = 32;

/// Bytes of a step of a channel's weights, and of an accumulator.
constexpr int weight_bytes(DenseEncoding e) { return e == DenseEncoding::f64 ? 8 : e == DenseEncoding::f16 ? 2 : 4; }
constexpr int lane_bytes(DenseEncoding e) { return e == DenseEncoding::f64 ? 8 : 4; }

/// What the accumulator of each channel can reach, window-sum factor included; empty for reals. Nothing when that is
/// more than the kernels' accumulators hold (int32; 2^51 for int16 inputs), or the padding value is no input value.
std::optional<std::vector<Interval>> provable_ranges(const ConvJob& job);

}  // namespace ez_rknn::npu::kernels
