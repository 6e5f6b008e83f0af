#pragma once
/// Feature maps as the kernels see them: channels-last (NHWC), one sample. A pixel holds its channels side by side,
/// padded to a multiple of 16 elements; pitches are free, so a map may be a channel range of a larger one (Concat,
/// Split) or have room around it.
#include <cstddef>

namespace ez_rknn::npu::kernels {

template <class Byte>
struct BasicMap {
  Byte* data = nullptr;
  std::ptrdiff_t pixel = 0;  ///< bytes from a pixel to its right neighbour
  std::ptrdiff_t row = 0;    ///< bytes from a pixel to the one below
};
using Map = BasicMap<std::byte>;
using ConstMap = BasicMap<const std::byte>;

/// Channels are padded to this many elements everywhere; padding of an input holds anything finite, weights there
/// cancel it.
constexpr int kChannelAlign = 16;
constexpr int padded_channels(int c) { return (c + kChannelAlign - 1) / kChannelAlign * kChannelAlign; }

}  // namespace ez_rknn::npu::kernels
