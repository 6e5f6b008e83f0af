#pragma once
/// The transform of int8 weights, G g G', where they are used, a row of places at a time. Nine bytes of a window come
/// from memory in the place of 16, 25 or 36 numbers of 16 bits, which takes about as long as the transform does.
/// Numbers of 16 bits wrap; what comes out fits (winograd_pack.cpp).
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// A line of G, as many numbers as winograd_slots says. Fractions are kept as integers: twice as large, and the
/// output's transform, which adds them up, knows.
struct WeightsOf2 {
  static constexpr int kTile = 2, kSlots = 4, kStride = 1;
  template <class V>
  static void line(V a, V b, V c, V* to) {
    const V ends = a + c;
    to[0] = a + a, to[1] = ends + b, to[2] = ends - b, to[3] = c + c;
  }
};
/// With the points 0, +-1, +-2 and infinity, twenty-four times as large, but for the last element: three times.
struct WeightsOf4 {
  static constexpr int kTile = 4, kSlots = 6, kStride = 1;
  template <class V>
  static void line(V a, V b, V c, V* to) {
    const V twice = b + b, four = twice + twice, fours = shift_left<2>(c), ends = shift_left<2>(a) + fours;
    to[0] = shift_left<1>(a) + shift_left<2>(a), to[1] = (a - a) - ends - four, to[2] = four - ends;
    to[3] = a + fours + twice, to[4] = a + fours - twice, to[5] = fours - c;
  }
};
/// [place][part], see winograd_loops_strided.hpp.
struct WeightsStrided {
  static constexpr int kTile = 2, kSlots = 5, kStride = 2;
  template <class V>
  static void line(V a, V b, V c, V* to) {
    to[0] = a, to[1] = b, to[2] = a + c, to[3] = b, to[4] = c;
  }
};

/// How many slots come before a line's slot y and x: parts of a place lie side by side, those of even rows first.
template <class G>
constexpr int slot_at(int y, int x) {
  if (G::kStride == 1) return y * G::kSlots + x;
  const int high = winograd_parts(2, 2, y / 2), wide = winograd_parts(2, 2, x / 2);
  return y / 2 * 2 * G::kSlots + x / 2 * 2 * high + y % 2 * wide + x % 2;
}

/// Lines [First, End) of slots. Places lie a cache line further apart than their bytes take: so many stores a multiple
/// of 4096 apart would share a set of L1.
template <class G, int Bytes, int First, int End>
inline void winograd_lines(const WinogradWeights& w) {
  constexpr int kAxis = winograd_places(G::kTile, G::kStride), kVector = 16 * Bytes, kTap = 2 * kVector;
  const std::ptrdiff_t slot = std::ptrdiff_t{w.steps} * 64;
  Shorts base[2][G::kSlots];
  for (int i = 0; Bytes == 1 && i < 2; ++i) {
    const Shorts plain = load_short(w.base + i * 16);
    G::line(plain, plain, plain, base[i]);
  }
  const std::byte* source = w.source;
  std::byte* to = w.to;
  for (int step = 0; step < w.steps; ++step, source += 9 * kTap)
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i, to += 32) {  // two input channels of eight output channels
      const auto load = [&](int k) {
        if constexpr (Bytes == 1) return widen_i8(source + k * kTap + i * kVector);
        else return load_short(source + k * kTap + i * kVector);
      };
      Shorts columns[3][G::kSlots];
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x) {
        G::line(load(x), load(3 + x), load(6 + x), columns[x]);
        if constexpr (Bytes == 1)
          for (int y = First; y < End; ++y) columns[x][y] = columns[x][y] + base[i][y];
      }
#pragma GCC unroll 6
      for (int y = First; y < End; ++y) {
        Shorts line[G::kSlots];
        G::line(columns[0][y], columns[1][y], columns[2][y], line);
#pragma GCC unroll 6
        for (int x = 0; x < G::kSlots; ++x) {
          const int place = (y - First) / G::kStride * kAxis + x / G::kStride;
          store_short(to + (slot_at<G>(y, x) - slot_at<G>(First, 0)) * slot + place * kWinogradGap, line[x]);
        }
      }
    }
}

template <class G, int Bytes, int Row = 0>
inline void winograd_rows(const WinogradWeights& w) {
  constexpr int kFirst = Row * G::kStride, kEnd = kFirst + winograd_parts(G::kTile, G::kStride, Row);
  if (w.row == Row) return winograd_lines<G, Bytes, kFirst, kEnd>(w);
  if constexpr (kEnd < G::kSlots) winograd_rows<G, Bytes, Row + 1>(w);
}

template <class G>
inline void winograd_weights(const WinogradWeights& w) {
  w.wide ? winograd_rows<G, 2>(w) : winograd_rows<G, 1>(w);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
