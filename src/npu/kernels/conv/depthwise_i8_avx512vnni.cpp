#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_kernel.hpp"
#include "npu/kernels/conv/stage_copy.hpp"
#include "npu/kernels/simd/avx512.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Values + 128 of 64 channels at a time, their sixteen words of four exchanged as rows of a square for its columns:
/// what unpacking leaves in the quarters of a vector then are neighbouring channels.
void copy(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels,
          int channels) {
  const __m512i sign = _mm512_set1_epi8(-128);
  const int whole = channels / 64, left = (channels % 64 + 15) / 16 * 16;
  const __mmask64 rest = left ? ~__mmask64{0} >> (64 - left) : 0;
  const auto put = [&](std::byte* p, __m512i x) {
    _mm512_storeu_si512(p, transpose_square(_mm512_xor_si512(x, sign)));
  };
  for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel) {
    for (int i = 0; i < whole; ++i) put(to + i * 64, _mm512_loadu_si512(from + i * 64));
    if (rest) put(to + whole * 64, _mm512_maskz_loadu_epi8(rest, from + whole * 64));
  }
}

/// Four rows of a column of 64 channels, byte by byte, become four vectors of (16 channels x 4 rows), `apart` bytes
/// from one to the next.
inline void interleave(const std::byte* source, const std::ptrdiff_t* rows, std::byte* to, std::ptrdiff_t apart) {
  const __m512i a = _mm512_loadu_si512(source + rows[0]), b = _mm512_loadu_si512(source + rows[1]);
  const __m512i c = _mm512_loadu_si512(source + rows[2]), d = _mm512_loadu_si512(source + rows[3]);
  const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
  const __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
  _mm512_store_si512(to, _mm512_unpacklo_epi16(ab0, cd0));
  _mm512_store_si512(to + apart, _mm512_unpackhi_epi16(ab0, cd0));
  _mm512_store_si512(to + 2 * apart, _mm512_unpacklo_epi16(ab1, cd1));
  _mm512_store_si512(to + 3 * apart, _mm512_unpackhi_epi16(ab1, cd1));
}

/// The quads of 16 channels that a run's windows are made of, [step of four rows][column][16 channels][4 rows].
struct Quads {
  const std::byte* data;  ///< first column of the first output
  std::ptrdiff_t row_step;
  int row_steps;
  std::ptrdiff_t output, column;  ///< bytes between the windows of neighbours, and between columns of a window
  int columns;
};

/// Adds the products of one set of weights.
template <int Pixels, int Output>
inline const std::byte* add_set(const Quads& quads, const std::byte* weights, __m512i* sums) {
  const std::ptrdiff_t output = Output > 0 ? Output : quads.output;
  const std::byte* row = quads.data;
  for (int v = 0; v < quads.row_steps; ++v, row += quads.row_step) {
    const std::byte* x = row;
    for (int k = 0; k < quads.columns; ++k, weights += 64, x += quads.column) {
      const __m512i w = _mm512_load_si512(weights);
#pragma GCC unroll 8
      for (int p = 0; p < Pixels; ++p) sums[p] = _mm512_dpbusd_epi32(sums[p], _mm512_load_si512(x + p * output), w);
    }
  }
  return weights;
}

/// `Output`: Quads::output where it is known.
template <int Pixels, int Output>
void block(const Quads& quads, int sets, const std::byte* weights, std::byte* to) {
  __m512i sums[Pixels];
#pragma GCC unroll 8
  for (int p = 0; p < Pixels; ++p) sums[p] = _mm512_load_si512(weights);
  weights = add_set<Pixels, Output>(quads, weights + 64, sums);
  if (sets == 2) {
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; ++p) sums[p] = _mm512_add_epi32(sums[p], sums[p]);
    add_set<Pixels, Output>(quads, weights, sums);
  }
#pragma GCC unroll 8
  for (int p = 0; p < Pixels; ++p) _mm512_store_si512(to + p * 256, sums[p]);
}

template <int Output>
void blocks(Quads quads, const DepthwiseTile& t, const std::byte* weights, std::byte* to) {
  using Block = void (*)(const Quads&, int, const std::byte*, std::byte*);
  constexpr Block kRest[] = {block<1, Output>, block<2, Output>, block<3, Output>, block<4, Output>,
                             block<5, Output>, block<6, Output>, block<7, Output>};
  int p = 0;
  for (; p + 8 <= t.pixels; p += 8, to += 8 * 256, quads.data += 8 * quads.output)
    block<8, Output>(quads, t.sets, weights, to);
  if (p < t.pixels) kRest[t.pixels - p - 1](quads, t.sets, weights, to);
}

/// Each quad serves as many outputs of the row as have its column in their windows.
void depthwise(const DepthwiseTile& t) {
  alignas(64) std::byte quads[4 * kDepthwiseQuads * 64];
  const int columns = t.columns.read_by(t.pixels), row_steps = t.steps / t.columns.kernel;
  const std::ptrdiff_t apart = std::ptrdiff_t{columns} * row_steps * 64;
  std::byte* to = quads;
  for (int v = 0; v < row_steps; ++v)
    for (int x = 0; x < columns; ++x, to += 64) interleave(t.source + x * t.columns.pixel, t.taps + 4 * v, to, apart);
  const std::byte* weights = t.weights;
  for (int group = 0; group < t.groups; ++group, weights += 64 * (1 + t.sets * t.steps)) {
    const Quads these{quads + group * apart,
                      std::ptrdiff_t{columns} * 64,
                      row_steps,
                      std::ptrdiff_t{t.columns.stride} * 64,
                      std::ptrdiff_t{t.columns.dilation} * 64,
                      t.columns.kernel};
    std::byte* sums = t.accumulators + group * 64;
    t.columns.stride == 1 ? blocks<64>(these, t, weights, sums) : blocks<0>(these, t, weights, sums);
  }
}

}  // namespace

const DepthwiseKernel kDepthwiseI8Avx512Vnni = {DepthwiseEncoding::u8_s8, depthwise};
const StageFormat kStageI8ToQuadsAvx512 = {1, 1, 128, copy};

}  // namespace ez_rknn::npu::kernels
#endif
