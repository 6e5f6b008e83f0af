#pragma once
/// The transforms of Winograd's convolution: of F(2x2, 3x3), where 16 products an input and output channel give the
/// four outputs of a tile, whose windows hold 36, and of F(4x4, 3x3), where 36 give sixteen outputs (144). Written once
/// over simd/*.hpp (winograd_loops.hpp, winograd_loops_4.hpp). Plain data only: files of every instruction set include
/// this.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {

/// Of a transformed tile of `side` x `side` outputs.
constexpr int winograd_places(int side) { return (side + 2) * (side + 2); }

/// Tiles side by side, from side + 2 pixels squared each (`side` further than the tile to its left).
struct WinogradInput {
  const std::byte* source = nullptr;  ///< first pixel of the first tile
  std::ptrdiff_t pixel = 0, row = 0;  ///< bytes
  int tiles = 0, channels = 0;        ///< channels: a multiple of 16
  std::byte* to = nullptr;            ///< [place][tile][channels]
  std::ptrdiff_t place = 0;           ///< bytes from place to place
};

/// Back to `side` rows of pixels of one block of channels.
struct WinogradOutput {
  const std::byte* source = nullptr;  ///< [place][tile][channels of the block], 32 bits each
  std::ptrdiff_t place = 0;
  int tiles = 0, groups = 0;
  std::byte* to = nullptr;  ///< [row][side * tiles pixels][channels of the block], 32 bits each
};

/// Bytes of an element: in the map, and transformed (an f32, or an int16 of which a step takes two).
struct WinogradKernel {
  const DenseKernel* products;
  int from, to;
  int tile;  ///< outputs along an axis: 2 or 4
  void (*input)(const WinogradInput&);
  void (*output)(const WinogradOutput&);
};

#if defined(__x86_64__)
extern const WinogradKernel kWinogradI8Avx2, kWinograd4I8Avx2, kWinogradF16Avx2, kWinograd4F16Avx2, kWinogradF16Avx512,
    kWinograd4F16Avx512;
#elif defined(__aarch64__)
extern const WinogradKernel kWinogradI8Neon, kWinograd4I8Neon, kWinogradF16Neon, kWinograd4F16Neon;
#endif

}  // namespace ez_rknn::npu::kernels
