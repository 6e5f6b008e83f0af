#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/window_sums.hpp"
#include "npu/kernels/simd/avx512.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Four partial sums in each quarter of four vectors, to one number each: quarter i has those of a, b, c and d.
inline __m512i quarters(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

/// Sixteen partial sums of each of four vectors, to one number each.
inline __m128i reduce(const __m512i* v) {
  const __m512i s = quarters(v[0], v[1], v[2], v[3]);
  const __m256i h = _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64(s, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
}

/// Sums of fours of a pixel's channels, which `whole` vectors and the lanes of `rest` hold.
template <int Pixels>
inline void partial_sums(const std::byte* p, std::ptrdiff_t pixel, int whole, __mmask64 rest, __m512i* sums) {
  const __m512i one = _mm512_set1_epi8(1);
  for (int i = 0; i < Pixels; ++i) sums[i] = _mm512_setzero_si512();
  for (int k = 0; k < whole; ++k, p += 64)
#pragma GCC unroll 4
    for (int i = 0; i < Pixels; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], one, _mm512_loadu_si512(p + i * pixel));
  if (rest)
#pragma GCC unroll 4
    for (int i = 0; i < Pixels; ++i)
      sums[i] = _mm512_dpbusd_epi32(sums[i], one, _mm512_maskz_loadu_epi8(rest, p + i * pixel));
}

/// Pixels of sixteen channels side by side, sixteen of them.
inline __m512i sixteen_sums(const std::byte* p) {
  const __m512i one = _mm512_set1_epi8(1), zero = _mm512_setzero_si512();
  const __m512i s = quarters(_mm512_dpbusd_epi32(zero, one, _mm512_loadu_si512(p)),
                             _mm512_dpbusd_epi32(zero, one, _mm512_loadu_si512(p + 64)),
                             _mm512_dpbusd_epi32(zero, one, _mm512_loadu_si512(p + 128)),
                             _mm512_dpbusd_epi32(zero, one, _mm512_loadu_si512(p + 192)));
  return transpose_square(s);
}

}  // namespace

void pixel_sums_avx512vnni(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* sums) {
  const int whole = channels / 64, left = channels % 64;
  const __mmask64 rest = left ? ~__mmask64{0} >> (64 - left) : 0;
  int x = 0;
  if (channels <= 4 && pixel == channels) {  // packed pixels: sixteen of them spread to 32 bits each
    alignas(64) std::uint8_t index[64];
    __mmask64 used = 0;
    for (int i = 0; i < 64; ++i) {
      index[i] = static_cast<std::uint8_t>(i / 4 * channels + i % 4);
      if (i % 4 < channels) used |= __mmask64{1} << i;
    }
    const __m512i spread = _mm512_load_si512(index), one = _mm512_set1_epi8(1);
    const __mmask64 bytes = ~__mmask64{0} >> (64 - 16 * channels);
    for (; x + 16 <= width; x += 16) {
      const __m512i packed = _mm512_maskz_loadu_epi8(bytes, row + x * channels);
      const __m512i quads = _mm512_maskz_permutexvar_epi8(used, spread, packed);
      _mm512_storeu_si512(sums + x, _mm512_dpbusd_epi32(_mm512_setzero_si512(), one, quads));
    }
  }
  if (channels == 16 && pixel == 16)
    for (; x + 16 <= width; x += 16) _mm512_storeu_si512(sums + x, sixteen_sums(row + x * 16));
  for (; x + 4 <= width; x += 4) {
    __m512i four[4];
    partial_sums<4>(row + x * pixel, pixel, whole, rest, four);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + x), reduce(four));
  }
  for (; x < width; ++x) {
    __m512i one;
    partial_sums<1>(row + x * pixel, pixel, whole, rest, &one);
    sums[x] = _mm512_reduce_add_epi32(one);
  }
}

const SumFunctions kSumsAvx512Vnni = {pixel_sums_avx512vnni, window_sums};

}  // namespace ez_rknn::npu::kernels
#endif
