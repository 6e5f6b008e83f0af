#pragma once
/// The transform of weights, G g G', where they are used, a row of places at a time. Nine numbers of a window come from
/// memory in the place of 16, 25 or 36 that are two to four times as large, which takes about as long as the transform
/// does. Over an element E, what is loaded and stored (kFrom and kTo bytes for a vector; kVectors of a step, 0: one for
/// each group), and G, a line of the transform: as many numbers as winograd_slots says.
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// How many slots come before a line's slot y and x: parts of a place lie side by side, those of even rows first.
template <class G>
constexpr int slot_at(int y, int x) {
  if (G::kStride == 1) return y * G::kSlots + x;
  const int high = winograd_parts(2, 2, y / 2), wide = winograd_parts(2, 2, x / 2);
  return y / 2 * 2 * G::kSlots + x / 2 * 2 * high + y % 2 * wide + x % 2;
}

/// Lines [First, End) of slots. Places lie a cache line further apart than their bytes take: so many stores a multiple
/// of 4096 apart would share a set of L1.
template <class G, class E, int First, int End>
inline void winograd_lines(const WinogradWeights& w) {
  using V = typename E::Value;
  constexpr int kAxis = winograd_places(G::kTile, G::kStride);
  const int vectors = E::kVectors > 0 ? E::kVectors : w.groups;
  const std::ptrdiff_t tap = std::ptrdiff_t{vectors} * E::kFrom, slot = std::ptrdiff_t{w.steps} * vectors * E::kTo;
  V base[2][G::kSlots];
  if constexpr (E::kBased)
    for (int i = 0; i < 2; ++i) {
      const V plain = E::load_base(w.base + i * 16);
      G::line(plain, plain, plain, base[i]);
    }
  const std::byte* source = w.source;
  std::byte* to = w.to;
  for (int step = 0; step < w.steps; ++step, source += 9 * tap)
#pragma GCC unroll 2
    for (int i = 0; i < vectors; ++i, to += E::kTo) {
      const auto load = [&](int k) { return E::load(source + k * tap + i * E::kFrom); };
      V columns[3][G::kSlots];
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x) {
        G::line(load(x), load(3 + x), load(6 + x), columns[x]);
        if constexpr (E::kBased)
          for (int y = First; y < End; ++y) columns[x][y] = columns[x][y] + base[i][y];
      }
#pragma GCC unroll 6
      for (int y = First; y < End; ++y) {
        V line[G::kSlots];
        G::line(columns[0][y], columns[1][y], columns[2][y], line);
#pragma GCC unroll 6
        for (int x = 0; x < G::kSlots; ++x) {
          const int place = (y - First) / G::kStride * kAxis + x / G::kStride;
          E::store(to + (slot_at<G>(y, x) - slot_at<G>(First, 0)) * slot + place * kWinogradGap, line[x]);
        }
      }
    }
}

template <class G, class E, int Row = 0>
inline void winograd_rows(const WinogradWeights& w) {
  constexpr int kFirst = Row * G::kStride, kEnd = kFirst + winograd_parts(G::kTile, G::kStride, Row);
  if (w.row == Row) return winograd_lines<G, E, kFirst, kEnd>(w);
  if constexpr (kEnd < G::kSlots) winograd_rows<G, E, Row + 1>(w);
}

template <class G, class Narrow, class Wide>
inline void winograd_weights(const WinogradWeights& w) {
  w.wide ? winograd_rows<G, Wide>(w) : winograd_rows<G, Narrow>(w);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
