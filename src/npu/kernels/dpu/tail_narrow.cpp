#include "npu/kernels/dpu/tail_narrow.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/element.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kPixels = 64;  ///< finished at once

/// The layer's channel that lane `i` of sixteen carries; lanes beyond the used ones repeat the last.
struct LaneChannels {
  int first, used, lanes;
  std::size_t operator[](int i) const { return static_cast<std::size_t>(first + std::min(i % lanes, used - 1)); }
};

template <class T>
void take(const LaneChannels& channels, Channels<T>& c) {
  if (c.values.size() <= 1) return;
  std::vector<T> values;
  for (int i = 0; i < kChannelAlign; ++i) values.push_back(c[channels[i]]);
  c.values = std::move(values);
}

DpuLayer layer_of_lanes(const DpuLayer& layer, const LaneChannels& channels) {
  DpuLayer lanes = layer;
  lanes.channels = kChannelAlign;
  lanes.ow.values.clear();
  for (auto* stage : {&lanes.bs, &lanes.bn})
    if (*stage) take(channels, (*stage)->alu_value), take(channels, (*stage)->mul_value);
  return lanes;
}

std::vector<Interval> ranges_of_lanes(std::span<const Interval> ranges, const LaneChannels& channels) {
  if (ranges.size() == 1) return {ranges[0]};
  std::vector<Interval> of_lanes;
  for (int i = 0; i < kChannelAlign; ++i) of_lanes.push_back(ranges[channels[i]]);
  return of_lanes;
}

/// `Bytes` of each pixel, side by side.
template <int Bytes>
void gather(const std::byte* from, std::ptrdiff_t pixel, int pixels, std::byte* to) {
  for (int p = 0; p < pixels; ++p, from += pixel, to += Bytes) std::memcpy(to, from, Bytes);
}
void gather(int bytes, const std::byte* from, std::ptrdiff_t pixel, int pixels, std::byte* to) {
  switch (bytes) {
    case 1: return gather<1>(from, pixel, pixels, to);
    case 2: return gather<2>(from, pixel, pixels, to);
    case 4: return gather<4>(from, pixel, pixels, to);
    case 8: return gather<8>(from, pixel, pixels, to);
    case 16: return gather<16>(from, pixel, pixels, to);
    default: return gather<32>(from, pixel, pixels, to);
  }
}

/// Results back to their pixels, zeros in the padding.
template <int Lanes>
void scatter(const std::byte* from, int used, std::byte* to, std::ptrdiff_t pixel, int pixels) {
  const std::uint64_t keep = ~std::uint64_t{0} >> (64 - 8 * used);
  for (int p = 0; p < pixels; ++p, from += Lanes, to += pixel) {
    std::uint64_t group[2] = {};
    std::memcpy(group, from, Lanes);
    group[0] &= keep;
    std::memcpy(to, group, sizeof group);
  }
}

}  // namespace

NarrowTail::NarrowTail(const DpuLayer& layer, std::span<const Interval> ranges, cpu::Isa isa, int used, int lanes)
    : first_(layer.channels - used),
      used_(used),
      lanes_(lanes),
      operand_size_(reads_operand(layer) ? size_of(layer.operand_type) : 0),
      tail_(make_tail(layer_of_lanes(layer, {first_, used, lanes}), ranges_of_lanes(ranges, {first_, used, lanes}),
                      isa)) {}

std::unique_ptr<const NarrowTail> NarrowTail::make(const DpuLayer& layer, std::span<const Interval> ranges,
                                                   cpu::Isa isa) {
  const int used = layer.channels % kChannelAlign, most = layer.ew && layer.ew->lut ? 8 : 4;
  const bool per_channel = reads_operand(layer) && layer.ew->per_channel;
  if (used == 0 || used > most || layer.real || layer.out_type != DType::i8 || per_channel ||
      (reads_operand(layer) && size_of(layer.operand_type) > 4))
    return nullptr;
  const int lanes = static_cast<int>(std::bit_ceil(static_cast<unsigned>(used)));
  return std::unique_ptr<const NarrowTail>(new NarrowTail(layer, ranges, isa, used, lanes));
}

void NarrowTail::add_window_sums(const TailTile& tile, int first, int pixels, std::byte* sums) const {
  for (int p = 0; p < pixels; ++p)
    for (int i = 0; i < used_; ++i) {
      std::byte* at = sums + (p * lanes_ + i) * 4;
      store_as(at, load_as<std::int32_t>(at) + tile.window_factors[first_ + i] * tile.window_sums[first + p]);
    }
}

void NarrowTail::operator()(const TailTile& tile, const std::byte* accumulators) const {
  if (lanes_ == 8 && tail_->takes_two_pixels()) {
    TailTile last = tile;
    last.accumulators = accumulators, last.out += first_, last.used = used_;
    if (tile.window_sums) last.window_factors += first_;
    return tail_->two_pixels(last);
  }
  alignas(64) std::byte sums[kPixels * 8 * 4], operands[kPixels * 8 * 4], results[kPixels * 8];
  const std::byte* operand = operand_size_ ? tile.operand + static_cast<std::size_t>(first_) * operand_size_ : nullptr;
  std::byte* out = tile.out + first_;
  TailTile packed;
  packed.accumulators = sums, packed.accumulator_pixel = kChannelAlign * 4;
  packed.groups = 1;
  packed.operand = operands, packed.operand_pixel = static_cast<std::ptrdiff_t>(operand_size_) * kChannelAlign;
  packed.out = results, packed.out_pixel = kChannelAlign;
  const int operand_bytes = lanes_ * static_cast<int>(operand_size_);
  for (int p = 0; p < tile.pixels; p += kPixels) {
    const int pixels = std::min(kPixels, tile.pixels - p), values = pixels * lanes_;
    packed.pixels = (values + kChannelAlign - 1) / kChannelAlign;
    const auto rest = static_cast<std::size_t>(packed.pixels * kChannelAlign - values);
    gather(lanes_ * 4, accumulators + p * tile.accumulator_pixel, tile.accumulator_pixel, pixels, sums);
    std::memset(sums + values * 4, 0, rest * 4);
    if (tile.window_sums) add_window_sums(tile, p, pixels, sums);
    if (operand) {
      gather(operand_bytes, operand + p * tile.operand_pixel, tile.operand_pixel, pixels, operands);
      std::memset(operands + static_cast<std::size_t>(values) * operand_size_, 0, rest * operand_size_);
    }
    (*tail_)(packed);
    std::byte* to = out + p * tile.out_pixel;
    switch (lanes_) {
      case 1: scatter<1>(results, used_, to, tile.out_pixel, pixels); break;
      case 2: scatter<2>(results, used_, to, tile.out_pixel, pixels); break;
      case 4: scatter<4>(results, used_, to, tile.out_pixel, pixels); break;
      default: scatter<8>(results, used_, to, tile.out_pixel, pixels);
    }
  }
}

}  // namespace ez_rknn::npu::kernels
