#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/stage_copy.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Sixteen elements from one form to the other.
struct ToI16 {
  static constexpr int kFrom = 1, kTo = 2;
  static void convert(const std::byte* from, std::byte* to) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_cvtepi8_epi16(x));
  }
};
struct HalfToFloat {
  static constexpr int kFrom = 2, kTo = 4;
  static void convert(const std::byte* from, std::byte* to) {
    const auto* x = reinterpret_cast<const __m128i*>(from);
    auto* y = reinterpret_cast<float*>(to);
    _mm256_storeu_ps(y, _mm256_cvtph_ps(_mm_loadu_si128(x)));
    _mm256_storeu_ps(y + 8, _mm256_cvtph_ps(_mm_loadu_si128(x + 1)));
  }
};
struct BrainToFloat {
  static constexpr int kFrom = 2, kTo = 4;
  static void convert(const std::byte* from, std::byte* to) {
    for (int i = 0; i < 2; ++i) {
      const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + i);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to) + i, _mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
    }
  }
};

/// Few channels, a pixel after the other: eight values each, so that stores seldom cross a cache line.
void widen_few(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels,
               int channels) {
  if (channels <= 4)
    for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel)
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_cvtepi8_epi16(_mm_loadu_si32(from)));
  else
    for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_cvtepi8_epi16(_mm_loadu_si64(from)));
}

template <class F>
void copy(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels,
          int channels) {
  if (from_pixel == channels * F::kFrom && to_pixel == channels * F::kTo) channels *= pixels, pixels = 1;
  for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel)
    for (int c = 0; c < channels; c += 16) F::convert(from + c * F::kFrom, to + c * F::kTo);
}

void copy_i8_to_i16(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel,
                    int pixels, int channels) {
  channels <= 8 ? widen_few(from, from_pixel, to, to_pixel, pixels, channels)
                : copy<ToI16>(from, from_pixel, to, to_pixel, pixels, channels);
}

}  // namespace

const StageFormat kStageI8ToI16Avx2 = {1, 2, 0, copy_i8_to_i16};
const StageFormat kStageBf16ToF32Avx2 = {2, 4, 0, copy<BrainToFloat>};
const StageFormat kStageF16ToF32Avx2 = {2, 4, 0, copy<HalfToFloat>};

}  // namespace ez_rknn::npu::kernels
#endif
