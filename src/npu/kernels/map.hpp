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

/// Channels are padded to this many elements everywhere. Every producer (kernels, moves, input conversion) writes 0
/// there, so a consumer may read whole groups; kernels that sum or multiply still weigh these channels with 0, so that
/// a map which is a channel range of a larger one (its "padding" is the neighbour's data) gives the same result.
/// Writing is the other way round: such a map needs a multiple of 16 channels, or the producer's zeros land in the
/// neighbour.
constexpr int kChannelAlign = 16;
/// But for a network's input of so many channels or fewer that only dense convolutions read: a picture in pixels of
/// sixteen would be most of a context's memory. These stage their rows element by element, so what of a neighbour comes
/// along with a pixel is overwritten or weighed with 0 (plan/narrow.cpp chooses).
constexpr int kFewChannels = 4;
constexpr int padded_channels(int c) { return (c + kChannelAlign - 1) / kChannelAlign * kChannelAlign; }

/// Kernels may read this many bytes behind a map's last pixel (whole vectors and tiles); what is there does not matter.
constexpr int kReadBehind = 64;

}  // namespace ez_rknn::npu::kernels
