#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Sixteen partial sums of each of four vectors, to one number each.
inline __m128i reduce(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  const __m512i s = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i h = _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64(s, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
}

inline __m512i pixel_sum(const std::byte* p, int whole, __mmask64 rest) {
  const __m512i one = _mm512_set1_epi8(1);
  __m512i s = _mm512_setzero_si512();
  int i = 0;
  for (; i < whole; ++i) s = _mm512_dpbusd_epi32(s, one, _mm512_loadu_si512(p + i * 64));
  return rest ? _mm512_dpbusd_epi32(s, one, _mm512_maskz_loadu_epi8(rest, p + i * 64)) : s;
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
  for (; x + 4 <= width; x += 4) {
    const std::byte* p = row + x * pixel;
    const __m128i four = reduce(pixel_sum(p, whole, rest), pixel_sum(p + pixel, whole, rest),
                                pixel_sum(p + 2 * pixel, whole, rest), pixel_sum(p + 3 * pixel, whole, rest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + x), four);
  }
  for (; x < width; ++x) sums[x] = _mm512_reduce_add_epi32(pixel_sum(row + x * pixel, whole, rest));
}

}  // namespace ez_rknn::npu::kernels
#endif
