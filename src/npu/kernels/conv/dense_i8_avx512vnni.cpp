#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// vpdpbusd: unsigned weights times signed activations, four at a time.
template <int Groups, int Pixels>
void block(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  const std::byte* ahead = t.ahead ? t.ahead : t.weights;
  const std::int32_t* starts = t.starts;
  const std::ptrdiff_t pixel = t.pixel;
  const std::ptrdiff_t ahead_step = t.ahead_step;
  for (int run = 0; run < t.runs; ++run, source += Pixels * pixel, to += Pixels * Groups * 64) {
    __m512i sum[Pixels][Groups];
    if (starts) {
#pragma GCC unroll 14
      for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
        for (int g = 0; g < Groups; ++g) sum[p][g] = _mm512_set1_epi32(starts[p]);
      starts += Pixels;
    } else {
      for (auto& p : sum)
        for (auto& s : p) s = _mm512_setzero_si512();
    }
    const std::byte* w = t.weights;
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
#pragma GCC unroll 4
      for (int i = 0; i < t.steps; ++i, x += 4, w += Groups * 64) {
        _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
        ahead += ahead_step;
        __m512i weight[Groups];
#pragma GCC unroll 4
        for (int g = 0; g < Groups; ++g) weight[g] = _mm512_load_si512(w + g * 64);
#pragma GCC unroll 14
        for (int p = 0; p < Pixels; ++p) {
          std::int32_t four;
          __builtin_memcpy(&four, x + p * pixel, 4);
          const __m512i value = _mm512_set1_epi32(four);
#pragma GCC unroll 4
          for (int g = 0; g < Groups; ++g) sum[p][g] = _mm512_dpbusd_epi32(sum[p][g], weight[g], value);
        }
      }
    }
#pragma GCC unroll 14
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int g = 0; g < Groups; ++g) _mm512_store_si512(to + (p * Groups + g) * 64, sum[p][g]);
  }
}

template <int Groups>
constexpr DenseBlock blocks_of(int max_pixels) {
  return {Groups,
          max_pixels,
          {block<Groups, 1>, block<Groups, 2>, block<Groups, 3>, block<Groups, 4>, block<Groups, 5>, block<Groups, 6>,
           block<Groups, 7>, block<Groups, 8>, block<Groups, 9>, block<Groups, 10>, block<Groups, 11>,
           block<Groups, 12>, block<Groups, 13>, block<Groups, 14>}};
}

}  // namespace

const DenseKernel kDenseI8Avx512Vnni = {
    DenseEncoding::u8_s8, 2, {blocks_of<2>(14), blocks_of<1>(14)}, &kSumsAvx512Vnni};

}  // namespace ez_rknn::npu::kernels
#endif
