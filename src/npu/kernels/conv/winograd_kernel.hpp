#pragma once
/// The transforms of Winograd's convolution: of F(2x2, 3x3), where 16 products an input and output channel give the
/// four outputs of a tile, whose windows hold 36, and of F(4x4, 3x3), where 36 give sixteen outputs (144); and of 3x3
/// windows of stride 2, where 25 give four. Written once over simd/*.hpp (winograd_loops.hpp, winograd_loops_4.hpp,
/// winograd_loops_strided.hpp). Plain data only: files of every instruction set include this.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {

/// Along an axis of a tile of `side` outputs: pixels it reads, places of it transformed, and parts that are added up at
/// a place. With stride 2, pixels of even and of odd number are two parts, the latter without the last place.
constexpr int winograd_pixels(int side, int stride) { return side * stride + 3 - stride; }
constexpr int winograd_places(int side, int stride) { return side + 3 - stride; }
constexpr int winograd_parts(int side, int stride, int place) { return stride == 2 && place < side ? 2 : 1; }
/// Of all places of an axis: as many products as an output's taps there are.
constexpr int winograd_slots(int side, int stride) { return stride == 2 ? 2 * side + 1 : side + 2; }

/// Tiles side by side, `side` * stride pixels further than the tile to its left each.
struct WinogradInput {
  const std::byte* source = nullptr;  ///< first pixel of the first tile
  std::ptrdiff_t pixel = 0, row = 0;  ///< bytes
  int tiles = 0, channels = 0;        ///< channels: a multiple of 16
  std::byte* to = nullptr;            ///< [place][tile][channels; with stride 2: four times, of each part]
  std::ptrdiff_t place = 0;           ///< bytes from place to place
};

/// Back to `side` rows of pixels of one block of channels.
struct WinogradOutput {
  const std::byte* source = nullptr;  ///< [place][tile][channels of the block], 32 bits each
  std::ptrdiff_t place = 0;
  int tiles = 0, groups = 0;
  std::byte* to = nullptr;  ///< [row][side * tiles pixels][channels of the block], 32 bits each
};

constexpr int kWinogradGap = 64;  ///< bytes between places of weights that are transformed where they are used

/// A row of places of the weights of one block, transformed.
struct WinogradWeights {
  /// [step][tap][channels of the block][2 inputs] of int8, `wide`: of int16, when the block has one group; or
  /// [step][tap][channels of the block] of f16, `wide`: of f32.
  const std::byte* source = nullptr;
  bool wide = false;
  const std::int16_t* base = nullptr;  ///< [channels of the block][2], to be added to those of int8
  int groups = 1;
  int steps = 0;
  int row = 0;
  std::byte* to = nullptr;  ///< [place of the row, and a gap][part][step][channels of the block], 32 bits each
};

/// Bytes of an element: in the map, and transformed (an f32, or an int16 of which a step takes two).
struct WinogradKernel {
  const DenseKernel* products;
  int from, to;
  int tile;  ///< outputs along an axis: 2 or 4
  void (*input)(const WinogradInput&);
  void (*output)(const WinogradOutput&);
  void (*weights)(const WinogradWeights&);
  int stride;  ///< of the windows; 2: for tiles of 2
};

#if defined(__x86_64__)
extern const WinogradKernel kWinogradI8Avx2, kWinograd4I8Avx2, kWinogradStridedI8Avx2, kWinogradF16Avx2,
    kWinograd4F16Avx2, kWinogradStridedF16Avx2, kWinogradF16Avx512, kWinograd4F16Avx512, kWinogradStridedF16Avx512;
#elif defined(__aarch64__)
extern const WinogradKernel kWinogradI8Neon, kWinograd4I8Neon, kWinogradStridedI8Neon, kWinogradF16Neon,
    kWinograd4F16Neon, kWinogradStridedF16Neon;
#endif

}  // namespace ez_rknn::npu::kernels
