#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/amx_tiles.hpp"
#include "npu/kernels/conv/dense_kernel.hpp"
#include "npu/kernels/conv/stage_copy.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// A half is the sum of two bf16: its upper eight bits, and the three that are left.
struct Parts {
  __m256i high, low;  ///< of sixteen halves
};
inline Parts split(__m256i halves) {
  const __m512 x = _mm512_cvtph_ps(halves);
  const __m512 high = _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(-0x10000)));
  // What is left of an infinity is nothing, not infinity less infinity.
  const __mmask16 finite = _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(65504.0f), _CMP_LE_OQ);
  const __m512 low = _mm512_maskz_sub_ps(finite, x, high);
  const auto upper = [](__m512 v) { return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_castps_si512(v), 16)); };
  return {upper(high), upper(low)};
}

/// Of 32 channels the high parts, then the low ones; zeros beyond the last channel.
void copy(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels,
          int channels) {
  for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel)
    for (int c = 0; c < channels; c += 32) {
      const int left = channels - c < 32 ? channels - c : 32;
      const __m512i halves = _mm512_maskz_loadu_epi16(~__mmask32{0} >> (32 - left), from + c * 2);
      const Parts a = split(_mm512_castsi512_si256(halves)), b = split(_mm512_extracti64x4_epi64(halves, 1));
      auto* out = reinterpret_cast<__m256i*>(to + c * 4);
      _mm256_storeu_si256(out, a.high), _mm256_storeu_si256(out + 1, b.high);
      _mm256_storeu_si256(out + 2, a.low), _mm256_storeu_si256(out + 3, b.low);
    }
}

/// The four products of the parts, 32 channels of them: tiles 4 and 5 have the pixels' parts, 6 and 7 the weights'.
#define EZ_RKNN_ADD_PRODUCTS(sums) \
  _tile_dpbf16ps(sums, 5, 7);      \
  _tile_dpbf16ps(sums, 4, 7);      \
  _tile_dpbf16ps(sums, 5, 6);      \
  _tile_dpbf16ps(sums, 4, 6)

inline void load_pixels(const std::byte* x, std::ptrdiff_t pixel) {
  _tile_loadd(4, x, pixel);
  _tile_loadd(5, x + kRowBytes, pixel);
}
inline void load_weights(const std::byte* w) {
  _tile_loadd(6, w, kRowBytes);
  _tile_loadd(7, w + kTile, kRowBytes);
}

/// tdpbf16ps: sixteen pixels (or fewer) times sixteen channels, thirty-two products each, added up in f32.
struct PartProducts {
  template <int Groups, bool Pair>
  static void add(const DenseTile& t) {
    const std::byte* w = t.weights;
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = t.source + t.taps[tap];
      const std::byte* y = (Pair ? t.second : t.source) + t.taps[tap];
      for (int i = 0; i < t.steps; i += 2 * kRows, x += 2 * kRowBytes, y += 2 * kRowBytes, w += Groups * 2 * kTile) {
        load_weights(w);
        load_pixels(x, t.pixel);
        EZ_RKNN_ADD_PRODUCTS(0);
        if constexpr (Pair) {
          load_pixels(y, t.pixel);
          EZ_RKNN_ADD_PRODUCTS(2);
        }
        if constexpr (Groups == 2) {
          load_weights(w + 2 * kTile);
          if constexpr (Pair) {
            EZ_RKNN_ADD_PRODUCTS(3);
            load_pixels(x, t.pixel);
          }
          EZ_RKNN_ADD_PRODUCTS(1);
        }
      }
    }
  }
};

}  // namespace

const DenseKernel kDenseF16Amx = {
    DenseEncoding::bf16_tiles, 2, {blocks_of<PartProducts, 2>(), blocks_of<PartProducts, 1>()}, nullptr, release_tiles};
const StageFormat kStageF16ToBf16Amx = {2, 4, 0, copy};

}  // namespace ez_rknn::npu::kernels
#endif
