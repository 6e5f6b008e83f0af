#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/conv/depthwise_direct_kernel.hpp"
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/dpu/tail_exact.hpp"
#include "npu/kernels/dpu/tail_floors_avx512.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// The pieces of an output row, each `outputs` long and `apart` outputs behind the one before; they may overlap.
template <int Groups>
struct Pieces {
  static constexpr int kCount = pieces_of(Groups);
  int apart, outputs;
  explicit Pieces(int width) : apart(width / kCount), outputs(width - (kCount - 1) * apart) {}
};

/// A pixel of each piece, `apart` bytes from one to the next.
template <int Groups>
inline __m512i load_pieces(const std::byte* p, std::ptrdiff_t apart) {
  const auto quarter = [](const std::byte* q) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(q)); };
  const auto half = [](const std::byte* q) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q)); };
  if constexpr (Groups == 1) {
    __m512i x = _mm512_castsi128_si512(quarter(p));
    x = _mm512_inserti32x4(x, quarter(p + apart), 1);
    x = _mm512_inserti32x4(x, quarter(p + 2 * apart), 2);
    return _mm512_inserti32x4(x, quarter(p + 3 * apart), 3);
  } else if constexpr (Groups == 2) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(half(p)), half(p + apart), 1);
  } else {
    return _mm512_loadu_si512(p);
  }
}

/// The same where pieces' pixels may lie beyond the row.
template <int Groups>
inline __m512i load_border(const DirectTile& t, const DirectTile::Row& row, int column, int apart) {
  alignas(64) std::byte bytes[64];
  constexpr int kBytes = 64 / Pieces<Groups>::kCount;
  for (int i = 0; i < Pieces<Groups>::kCount; ++i, column += apart)
    __builtin_memcpy(bytes + i * kBytes, column >= 0 && column < t.in_w ? row.first + column * row.pixel : t.pad,
                     kBytes);
  return _mm512_load_si512(bytes);
}

template <int Groups>
inline void store_pieces(std::byte* p, std::ptrdiff_t apart, __m512i x) {
  if constexpr (Groups == 1) {
    store_pixels(p, apart, x, 4);
  } else if constexpr (Groups == 2) {
    store_two_pixels(p, apart, x);
  } else if constexpr (Groups == 3) {
    _mm512_mask_storeu_epi8(p, ~__mmask64{0} >> 16, x);
  } else {
    _mm512_storeu_si512(p, x);
  }
}

/// A column of four rows, byte by byte, as four vectors: quarter j has channels 4 * j + 0..3 of every group.
inline void interleave(__m512i a, __m512i b, __m512i c, __m512i d, std::byte* to) {
  const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
  const __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
  _mm512_store_si512(to, _mm512_unpacklo_epi16(ab0, cd0));
  _mm512_store_si512(to + 64, _mm512_unpackhi_epi16(ab0, cd0));
  _mm512_store_si512(to + 128, _mm512_unpacklo_epi16(ab1, cd1));
  _mm512_store_si512(to + 192, _mm512_unpackhi_epi16(ab1, cd1));
}

/// Columns [first, first + count) of four rows.
template <int Groups>
inline void interleave_columns(const DirectTile& t, const DirectTile::Row* rows, int first, int count, int apart,
                               std::byte* to) {
  const auto border = [&](int begin, int end) {
    for (int n = begin; n < end; ++n)
      interleave(load_border<Groups>(t, rows[0], first + n, apart), load_border<Groups>(t, rows[1], first + n, apart),
                 load_border<Groups>(t, rows[2], first + n, apart), load_border<Groups>(t, rows[3], first + n, apart),
                 to + n * 256);
  };
  const auto within = [count](int n) { return n < 0 ? 0 : n > count ? count : n; };
  const int begin = within(-first), inside = within(t.in_w - (Pieces<Groups>::kCount - 1) * apart - first);
  const int end = inside < begin ? begin : inside;
  border(0, begin);
  const std::byte* p[4];
  std::ptrdiff_t step[4];
  for (int i = 0; i < 4; ++i) step[i] = rows[i].pixel, p[i] = rows[i].first + (first + begin) * step[i];
  for (int n = begin; n < end; ++n) {
    interleave(load_pieces<Groups>(p[0], apart * step[0]), load_pieces<Groups>(p[1], apart * step[1]),
               load_pieces<Groups>(p[2], apart * step[2]), load_pieces<Groups>(p[3], apart * step[3]), to + n * 256);
    for (int i = 0; i < 4; ++i) p[i] += step[i];
  }
  border(end, count);
}

/// The windows of a kernel.
template <int Kernel, int Stride, int Rows>
struct Windows {
  static constexpr int kFours = ((Rows - 1) * Stride + Kernel + 3) / 4;
  static constexpr int kOutputs = Stride == 1 ? 32 : 16;  ///< whose columns are interleaved together
  static constexpr int kColumns = (kOutputs - 1) * Stride + Kernel;

  /// `Pixels` neighbours of every row and piece. `columns`: of `quads`.
  template <int Groups, int Pixels>
  [[gnu::always_inline]] static inline void finish(const DirectTile& t, const Floors<false, false>& floors,
                                                   const std::byte* quads, int columns, std::byte* out,
                                                   std::ptrdiff_t piece) {
    const std::byte* w = t.weights;
    const __m512i ones = _mm512_set1_epi8(1);
    __m512i halves[2][Rows][Pixels];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      __m512i quarters[2][Rows][Pixels];
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        __m512i(&sums)[Rows][Pixels] = quarters[i];
        __m512i x[kFours][(Pixels - 1) * Stride + Kernel], all[Pixels];
        const std::byte* from = quads + (half * 2 + i) * 64;
#pragma GCC unroll 4
        for (int p = 0; p < Pixels; ++p) all[p] = _mm512_setzero_si512();
#pragma GCC unroll 2
        for (int v = 0; v < kFours; ++v, from += columns * 256)
#pragma GCC unroll 12
          for (int n = 0; n < (Pixels - 1) * Stride + Kernel; ++n) {
            x[v][n] = _mm512_load_si512(from + n * 256);
#pragma GCC unroll 4
            for (int p = 0; p < Pixels; ++p)
              if (n >= p * Stride && n < p * Stride + Kernel) all[p] = _mm512_dpbusd_epi32(all[p], ones, x[v][n]);
          }
        const __m512i start = _mm512_load_si512(w), moved = _mm512_load_si512(w + 64);
        const __m512 slope = _mm512_load_ps(w + 128);
        w += 192;
#pragma GCC unroll 4
        for (int n = 0; n < Rows * Pixels; ++n)
          sums[n / Pixels][n % Pixels] = _mm512_dpwssd_epi32(start, all[n % Pixels], moved);
#pragma GCC unroll 2
        for (int v = 0; v < kFours; ++v)
#pragma GCC unroll 5
          for (int k = 0; k < Kernel; ++k)
#pragma GCC unroll 2
            for (int r = 0; r < Rows; ++r, w += 64) {
              const __m512i weight = _mm512_load_si512(w);
#pragma GCC unroll 4
              for (int p = 0; p < Pixels; ++p)
                sums[r][p] = _mm512_dpbusd_epi32(sums[r][p], weight, x[v][p * Stride + k]);
            }
#pragma GCC unroll 4
        for (int n = 0; n < Rows * Pixels; ++n) {
          __m512i& sum = sums[n / Pixels][n % Pixels];
          sum = floors(sum, slope);
        }
      }
#pragma GCC unroll 4
      for (int n = 0; n < Rows * Pixels; ++n) {
        const int r = n / Pixels, p = n % Pixels;
        halves[half][r][p] = _mm512_packs_epi32(quarters[0][r][p], quarters[1][r][p]);
      }
    }
    for (int r = 0; r < Rows; ++r) {
      if (r == t.out_rows) break;
#pragma GCC unroll 4
      for (int p = 0; p < Pixels; ++p)
        store_pieces<Groups>(out + r * t.out_row + p * t.out_pixel, piece,
                             _mm512_maskz_packs_epi16(t.lanes, halves[0][r][p], halves[1][r][p]));
    }
  }

  template <int Groups>
  static void run(const DirectTile& tile) {
    const DirectTile t = tile;  // a copy, which stores to the map cannot change
    alignas(64) std::byte quads[kFours * kColumns * 256];
    const Floors<false, false> floors(*t.tail);
    const Pieces<Groups> pieces(t.out_w);
    const std::ptrdiff_t piece = pieces.apart * t.out_pixel;
    constexpr int kPixels = 4 / Rows;
    const int parts = (pieces.outputs + kOutputs - 1) / kOutputs, most = (pieces.outputs + parts - 1) / parts;
    std::byte* out = t.out;
    for (int x = 0; x < pieces.outputs; x += most) {
      const int outputs = pieces.outputs - x < most ? pieces.outputs - x : most;
      const int columns = (outputs - 1) * Stride + Kernel;
      for (int v = 0; v < kFours; ++v)
        interleave_columns<Groups>(t, t.rows + 4 * v, x * Stride - t.pad_left, columns, pieces.apart * Stride,
                                   quads + v * columns * 256);
      const std::byte* from = quads;
      int n = 0;
      for (; n + kPixels <= outputs; n += kPixels, from += kPixels * Stride * 256, out += kPixels * t.out_pixel)
        finish<Groups, kPixels>(t, floors, from, columns, out, piece);
      for (; n < outputs; ++n, from += Stride * 256, out += t.out_pixel)
        finish<Groups, 1>(t, floors, from, columns, out, piece);
    }
  }

  static constexpr DirectLoop kLoop = {Kernel, Stride, Rows, {run<1>, run<2>, run<3>, run<4>}};
};

}  // namespace

const DirectKernel kDirectI8Avx512Vnni = {
    {Windows<3, 1, 2>::kLoop, Windows<3, 2, 1>::kLoop, Windows<5, 1, 2>::kLoop, Windows<5, 2, 2>::kLoop}};

}  // namespace ez_rknn::npu::kernels
#endif
