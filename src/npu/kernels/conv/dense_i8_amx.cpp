#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/amx_tiles.hpp"
#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// tdpbssd: sixteen pixels (or fewer) times sixteen channels, sixty-four products each. Tiles 4 and 5 are the pixels of
/// the two runs, 6 and 7 the weights of the two groups.
struct ByteProducts {
  template <int Groups, bool Pair>
  static void add(const DenseTile& t) {
    const std::byte* w = t.weights;
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = t.source + t.taps[tap];
      const std::byte* y = (Pair ? t.second : t.source) + t.taps[tap];
      for (int i = 0; i < t.steps; i += kRows, x += kRowBytes, y += kRowBytes, w += Groups * kTile) {
        _tile_loadd(4, x, t.pixel);
        _tile_loadd(6, w, kRowBytes);
        _tile_dpbssd(0, 4, 6);
        if constexpr (Groups == 2) {
          _tile_loadd(7, w + kTile, kRowBytes);
          _tile_dpbssd(1, 4, 7);
        }
        if constexpr (Pair) {
          _tile_loadd(5, y, t.pixel);
          _tile_dpbssd(2, 5, 6);
          if constexpr (Groups == 2) _tile_dpbssd(3, 5, 7);
        }
      }
    }
  }
};

}  // namespace

const DenseKernel kDenseI8Amx = {DenseEncoding::s8_tiles,
                                 2,
                                 {blocks_of<ByteProducts, 2>(), blocks_of<ByteProducts, 1>()},
                                 &kSumsAvx512Vnni,
                                 release_tiles};

}  // namespace ez_rknn::npu::kernels
#endif
