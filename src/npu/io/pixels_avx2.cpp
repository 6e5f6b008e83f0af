#if defined(__x86_64__)
#include <immintrin.h>

#include <initializer_list>

#include "npu/io/pixels.hpp"

namespace ez_rknn::npu::io {
namespace {

/// Eight pixels of a channel, normalised.
inline __m256 load(const PixelRun& r, int channel, std::size_t at) {
  const __m256 v = _mm256_loadu_ps(r.planes[channel] + at);
  if (!r.mean) return v;
  return _mm256_div_ps(_mm256_sub_ps(v, _mm256_set1_ps(r.mean[channel])), _mm256_set1_ps(r.std[channel]));
}

inline void store(std::byte* to, __m128i x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), x); }

/// Calls eight(at) until all pixels are done; where the last are fewer, some are done twice.
template <class F>
inline void in_eights(const PixelRun& r, F eight) {
  std::size_t at = 0;
  for (; at + 8 <= r.pixels; at += 8) eight(at);
  if (at < r.pixels) eight(r.pixels - 8);
}

template <int Channels>
void to_i8(const PixelRun& run) {
  const PixelRun r = run;  // a copy, which stores cannot change
  const __m256 scale = _mm256_set1_ps(r.scale);
  const float zero = static_cast<float>(r.zero_point);
  const __m256 low = _mm256_set1_ps(-128.0f - zero), high = _mm256_set1_ps(127.0f - zero);
  const __m256i offset = _mm256_set1_epi32(r.zero_point), byte = _mm256_set1_epi32(255);
  const __m128i first_word = _mm_setr_epi32(-1, 0, 0, 0);
  in_eights(r, [&](std::size_t at) {
    __m256i words = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int c = 0; c < Channels; ++c) {
      __m256 v = _mm256_div_ps(load(r, c, at), scale);
      v = _mm256_min_ps(_mm256_max_ps(v, low), high);  // in this order a NaN becomes the lowest
      const __m256i q = _mm256_and_si256(_mm256_add_epi32(_mm256_cvtps_epi32(v), offset), byte);
      words = _mm256_or_si256(words, _mm256_slli_epi32(q, 8 * c));
    }
    if (r.narrow) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(r.to + at * 4), words);
    std::byte* to = r.to + at * 16;
    for (const __m128i four : {_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)}) {
      store(to, _mm_and_si128(four, first_word));
      store(to + 16, _mm_and_si128(_mm_srli_si128(four, 4), first_word));
      store(to + 32, _mm_and_si128(_mm_srli_si128(four, 8), first_word));
      store(to + 48, _mm_srli_si128(four, 12));
      to += 64;
    }
  });
}

template <int Channels>
void to_f16(const PixelRun& run) {
  const PixelRun r = run;
  const __m128i zero = _mm_setzero_si128();
  in_eights(r, [&](std::size_t at) {
    __m128i halves[4] = {zero, zero, zero, zero};
#pragma GCC unroll 4
    for (int c = 0; c < Channels; ++c) halves[c] = _mm256_cvtps_ph(load(r, c, at), _MM_FROUND_TO_NEAREST_INT);
    const __m128i a = _mm_unpacklo_epi16(halves[0], halves[1]), b = _mm_unpacklo_epi16(halves[2], halves[3]);
    const __m128i c = _mm_unpackhi_epi16(halves[0], halves[1]), d = _mm_unpackhi_epi16(halves[2], halves[3]);
    std::byte* to = r.to + at * (r.narrow ? 8 : 32);
    for (const __m128i two :
         {_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b), _mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d)}) {
      if (r.narrow) {
        store(to, two), to += 16;
        continue;
      }
      store(to, _mm_move_epi64(two)), store(to + 16, zero);
      store(to + 32, _mm_unpackhi_epi64(two, zero)), store(to + 48, zero);
      to += 64;
    }
  });
}

using Form = void (*)(const PixelRun&);
constexpr Form kToI8[] = {to_i8<1>, to_i8<2>, to_i8<3>, to_i8<4>};
constexpr Form kToF16[] = {to_f16<1>, to_f16<2>, to_f16<3>, to_f16<4>};

}  // namespace

const PixelRuns kPixelRunsAvx2 = {[](const PixelRun& r) { kToI8[r.channels - 1](r); },
                                  [](const PixelRun& r) { kToF16[r.channels - 1](r); }};

}  // namespace ez_rknn::npu::io
#endif
