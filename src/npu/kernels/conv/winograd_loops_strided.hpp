#pragma once
/// 3x3 windows of stride 2. Along an axis, two outputs read pixels p0 to p4:
///   y0 = p0 a + p2 c + p1 b,  y1 = p2 a + p4 c + p3 b
/// Pixels of even number meet two taps, which is F(2, 2) with three products; those of odd number meet one, and their
/// two products are split alike, so that they are added up with the former before the way back:
///   m0 = (p0 - p2) a + (p1 - p3) b,  m1 = p2 (a + c) + p3 b,  m2 = (p4 - p2) c;  y0 = m0 + m1,  y1 = m1 + m2
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// [place][part]: m0 of even and of odd pixels, m1 of both, m2.
template <class V>
inline void winograd_in_strided(const V (&p)[5], V (&t)[5]) {
  t[0] = p[0] - p[2], t[1] = p[1] - p[3], t[2] = p[2], t[3] = p[3], t[4] = p[4] - p[2];
}

template <class E>
inline void winograd_input_strided(const WinogradInput& w) {
  using V = typename E::Value;
  const std::ptrdiff_t pixel = w.pixel, row = w.row, place = w.place, part = std::ptrdiff_t{w.channels} * E::kTo;
  const int channels = w.channels;
  for (int i = 0; i < w.tiles; ++i)
    for (int c = 0; c < channels; c += 16) {
      const std::byte* source = w.source + 4 * i * pixel + c * E::kFrom;
      std::byte* to = w.to + 4 * i * part + c * E::kTo;
      V columns[5][5];
#pragma GCC unroll 5
      for (int x = 0; x < 5; ++x) {
        V in[5];
        for (int y = 0; y < 5; ++y) in[y] = E::load(source + y * row + x * pixel);
        winograd_in_strided(in, columns[x]);
      }
#pragma GCC unroll 5
      for (int y = 0; y < 5; ++y) {
        const V in[5] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y]};
        V out[5];
        winograd_in_strided(in, out);
#pragma GCC unroll 5
        for (int x = 0; x < 5; ++x) {
          const int below = y % 2 * winograd_parts(2, 2, x / 2);  // parts of even rows first
          E::store(to + (y / 2 * 3 + x / 2) * place + (below + x % 2) * part, out[x]);
        }
      }
    }
}

template <class E>
inline void winograd_output_strided(const WinogradOutput& w) {
  const std::ptrdiff_t pixel = std::ptrdiff_t{w.groups} * 64, place = w.place;
  std::byte *above = w.to, *below = w.to + 2 * w.tiles * pixel;
  for (int i = 0; i < w.tiles * w.groups; ++i) {
    const std::byte* source = w.source + i * 64;
    const std::ptrdiff_t at = i / w.groups * 2 * pixel + i % w.groups * 64;
    typename E::Sum top[3], bottom[3];
    for (int x = 0; x < 3; ++x) {
      const auto middle = E::load_sum(source + (3 + x) * place);
      top[x] = E::load_sum(source + x * place) + middle, bottom[x] = middle + E::load_sum(source + (6 + x) * place);
    }
    E::store_sum(above + at, top[0] + top[1]);
    E::store_sum(above + at + pixel, top[1] + top[2]);
    E::store_sum(below + at, bottom[0] + bottom[1]);
    E::store_sum(below + at + pixel, bottom[1] + bottom[2]);
  }
}

template <class E>
constexpr WinogradKernel winograd_strided(const DenseKernel& products, void (*weights)(const WinogradWeights&)) {
  return {&products, E::kFrom, E::kTo, 2, winograd_input_strided<E>, winograd_output_strided<E>, weights, 2};
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
