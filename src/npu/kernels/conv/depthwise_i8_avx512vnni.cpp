#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Four taps of 64 channels, byte by byte, become four vectors of (16 channels x 4 taps).
struct Quads {
  __m512i q[4];
};
inline Quads interleave(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
  const __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
  return {{_mm512_unpacklo_epi16(ab0, cd0), _mm512_unpackhi_epi16(ab0, cd0), _mm512_unpacklo_epi16(ab1, cd1),
           _mm512_unpackhi_epi16(ab1, cd1)}};
}

/// The quarters of four vectors, exchanged: what interleaving did to the order of channels.
inline void store(std::byte* to, const __m512i* s) {
  const __m512i a = _mm512_shuffle_i32x4(s[0], s[1], 0x88), b = _mm512_shuffle_i32x4(s[0], s[1], 0xdd);
  const __m512i c = _mm512_shuffle_i32x4(s[2], s[3], 0x88), d = _mm512_shuffle_i32x4(s[2], s[3], 0xdd);
  _mm512_store_si512(to, _mm512_shuffle_i32x4(a, c, 0x88));
  _mm512_store_si512(to + 64, _mm512_shuffle_i32x4(b, d, 0x88));
  _mm512_store_si512(to + 128, _mm512_shuffle_i32x4(a, c, 0xdd));
  _mm512_store_si512(to + 192, _mm512_shuffle_i32x4(b, d, 0xdd));
}

template <int Pixels, bool Wide>
void block(const DepthwiseTile& t, const std::byte* source, std::byte* to) {
  __m512i sum[Pixels][4];
#pragma GCC unroll 4
  for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) sum[p][q] = _mm512_load_si512(t.weights + q * 64);
  const std::byte* w = t.weights + 256;
  const std::ptrdiff_t second = std::ptrdiff_t{t.steps} * 256;
  for (int i = 0; i < t.steps; ++i, w += 256) {
    const std::ptrdiff_t* tap = t.taps + i * 4;
#pragma GCC unroll 4
    for (int p = 0; p < Pixels; ++p) {
      const std::byte* x = source + p * t.pixel;
      const Quads quads = interleave(_mm512_loadu_si512(x + tap[0]), _mm512_loadu_si512(x + tap[1]),
                                     _mm512_loadu_si512(x + tap[2]), _mm512_loadu_si512(x + tap[3]));
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) {
        sum[p][q] = _mm512_dpbusd_epi32(sum[p][q], quads.q[q], _mm512_load_si512(w + q * 64));
        if constexpr (Wide)
          sum[p][q] = _mm512_dpbusd_epi32(sum[p][q], quads.q[q], _mm512_load_si512(w + second + q * 64));
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < Pixels; ++p) store(to + p * 256, sum[p]);
}

template <bool Wide>
void row(const DepthwiseTile& t) {
  int p = 0;
  for (; p + 4 <= t.pixels; p += 4) block<4, Wide>(t, t.source + p * t.pixel, t.accumulators + p * 256);
  for (; p < t.pixels; ++p) block<1, Wide>(t, t.source + p * t.pixel, t.accumulators + p * 256);
}

void depthwise(const DepthwiseTile& t) { t.sets == 2 ? row<true>(t) : row<false>(t); }

}  // namespace

const DepthwiseKernel kDepthwiseI8Avx512Vnni = {DepthwiseEncoding::u8_s8, depthwise};

}  // namespace ez_rknn::npu::kernels
#endif
