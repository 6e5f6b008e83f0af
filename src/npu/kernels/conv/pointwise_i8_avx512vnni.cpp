#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/dense_kernel.hpp"
#include "npu/kernels/conv/pointwise_kernel.hpp"
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/dpu/tail_exact.hpp"
#include "npu/kernels/dpu/tail_floors_avx512.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// The results of as many pixels as fill a vector, whose words `x` has.
template <int Groups>
inline void store(const PointwiseTile& t, std::byte* out, const __m512i (&x)[4]) {
  const __m512i bytes =
      _mm512_maskz_packs_epi16(t.lanes, _mm512_packs_epi32(x[0], x[1]), _mm512_packs_epi32(x[2], x[3]));
  if constexpr (Groups == 4) {
    _mm512_storeu_si512(out, bytes);
  } else if constexpr (Groups == 2) {
    const __m512i apart = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
    store_two_pixels(out, t.out_pixel, apart);
  } else {
    store_pixels(out, t.out_pixel, transpose_square(bytes), 4);
  }
}

/// vpdpbusd: unsigned weights times signed activations, four at a time. Sums of runs of `Pixels`, [pixel][group].
template <int Groups, int Pixels>
[[gnu::noinline]] void multiply(const PointwiseTile& t, int first, int runs, std::byte* to) {
  const std::ptrdiff_t pixel = t.pixel;
  const std::byte *source = t.source + first * pixel, *ahead = t.ahead + std::ptrdiff_t{first} * t.steps * t.ahead_step;
  for (int run = 0; run < runs; ++run, source += Pixels * pixel, to += Pixels * Groups * 64) {
    __m512i sum[Pixels][Groups];
#pragma GCC unroll 24
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int g = 0; g < Groups; ++g) sum[p][g] = _mm512_setzero_si512();
    const std::byte* w = t.weights + Groups * kPointwiseVector;
    const std::byte* four[(Pixels + 3) / 4];  // pixels: addresses without arithmetic for each
    for (int p = 0; p < Pixels; p += 4) four[p / 4] = source + p * pixel;
    for (int i = 0; i < t.steps; ++i, w += Groups * 64, ahead += t.ahead_step * Pixels) {
      _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
      __m512i weight[Groups];
#pragma GCC unroll 4
      for (int g = 0; g < Groups; ++g) weight[g] = _mm512_load_si512(w + g * 64);
#pragma GCC unroll 24
      for (int p = 0; p < Pixels; ++p) {
        std::int32_t inputs;
        __builtin_memcpy(&inputs, four[p / 4] + p % 4 * pixel, 4);
        const __m512i value = _mm512_set1_epi32(inputs);
#pragma GCC unroll 4
        for (int g = 0; g < Groups; ++g) sum[p][g] = _mm512_dpbusd_epi32(sum[p][g], weight[g], value);
      }
#pragma GCC unroll 6
      for (auto& x : four) x += 4;
    }
#pragma GCC unroll 24
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 4
      for (int g = 0; g < Groups; ++g) _mm512_store_si512(to + (p * Groups + g) * 64, sum[p][g]);
  }
}

/// Results of `count` pixels, of whole vectors.
template <int Groups, bool BySign>
[[gnu::noinline]] void finish(const PointwiseTile& tile, int first, int count, const std::byte* from) {
  const PointwiseTile t = tile;  // a copy, which stores to the map cannot change
  const Floors<false, BySign> floors(*t.tail);
  constexpr int kTogether = 4 / Groups;
  __m512i start[Groups], moved[Groups];
  __m512 slope[Groups];
  for (int g = 0; g < Groups; ++g) {
    const std::byte* of = t.weights + g * kPointwiseVector;
    start[g] = _mm512_load_si512(of), moved[g] = _mm512_load_si512(of + 64), slope[g] = _mm512_load_ps(of + 128);
  }
  const std::int32_t* sums = t.sums + first;
  std::byte* out = t.out + first * t.out_pixel;
  for (int p = 0; p < count; p += kTogether, sums += kTogether, from += 256, out += kTogether * t.out_pixel) {
    __m512i results[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const int g = i % Groups;
      const __m512i sum = _mm512_add_epi32(_mm512_load_si512(from + i * 64), start[g]);
      results[i] = floors(_mm512_dpwssd_epi32(sum, moved[g], _mm512_set1_epi32(sums[i / Groups])), slope[g]);
    }
    store<Groups>(t, out, results);
  }
}

/// Pixels whose sums are computed before they are finished, whole runs of them.
template <int Groups, bool BySign>
void run(const PointwiseTile& tile) {
  constexpr int kPixels = 24 / Groups, kTogether = 4 / Groups, kHeld = 96 / Groups;
  alignas(64) std::byte sums[kHeld * Groups * 64];
  int p = 0;
  while (p + kPixels <= tile.pixels) {
    const int most = (tile.pixels - p) / kPixels, runs = most < kHeld / kPixels ? most : kHeld / kPixels;
    multiply<Groups, kPixels>(tile, p, runs, sums);
    finish<Groups, BySign>(tile, p, runs * kPixels, sums);
    p += runs * kPixels;
  }
  if ((tile.pixels - p) * 5 > kPixels && tile.pixels >= kPixels) {  // most of a run: some pixels twice
    multiply<Groups, kPixels>(tile, tile.pixels - kPixels, 1, sums);
    return finish<Groups, BySign>(tile, tile.pixels - kPixels, kPixels, sums);
  }
  const int rest = tile.pixels - p, whole = rest / kTogether * kTogether;
  multiply<Groups, 1>(tile, p, rest, sums);
  finish<Groups, BySign>(tile, p, whole, sums);
  PointwiseTile one = tile;  // pixels that do not fill a vector: it is all of one
  one.out_pixel = 0;
  for (int i = whole; i < rest; ++i) {
    std::int32_t same[kTogether];
    alignas(64) std::byte repeated[256];
    for (auto& s : same) s = tile.sums[p + i];
    for (int k = 0; k < kTogether; ++k)
      __builtin_memcpy(repeated + k * Groups * 64, sums + i * Groups * 64, Groups * 64);
    one.sums = same, one.out = tile.out + (p + i) * tile.out_pixel;
    finish<Groups, BySign>(one, 0, kTogether, repeated);
  }
}

/// Sums of all pixels.
template <int Groups>
void accumulate(const PointwiseTile& tile, std::byte* to) {
  constexpr int kPixels = 24 / Groups;
  const int runs = tile.pixels / kPixels, whole = runs * kPixels;
  multiply<Groups, kPixels>(tile, 0, runs, to);
  multiply<Groups, 1>(tile, whole, tile.pixels - whole, to + whole * Groups * 64);
}

/// As two words: of six bits, and how many 64 there are besides.
void sums(const std::byte* row, std::ptrdiff_t pixel, int width, int channels, std::int32_t* to) {
  pixel_sums_avx512vnni(row, pixel, width, channels, to);
  for (int x = 0; x < width; ++x)
    to[x] = static_cast<std::int32_t>(static_cast<std::uint32_t>(to[x] >> 6) << 16 | (to[x] & 63));
}

}  // namespace

const PointwiseKernel kPointwiseI8Avx512Vnni = {
    {{run<1, false>, run<2, false>, run<4, false>}, {run<1, true>, run<2, true>, run<4, true>}},
    {accumulate<1>, accumulate<2>, accumulate<4>},
    sums,
    pixel_sums_avx512vnni};

}  // namespace ez_rknn::npu::kernels
#endif
