#pragma once
/// F(4x4, 3x3). Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Of halves, in f32, with the points 0, +-3/4, +-3/2 and infinity, whose powers are exact: by numpy's count the error
/// is 2.2 times that of direct sums, where the usual 1 and 2 have 4.8 times (64 channels, root mean square).
struct WinogradHalves4 : WinogradHalves {
  /// B' x with, for a and b, rows (aabb 0 -aa-bb 0 1 0 | 0 -abb -bb a 1 0 | 0 abb -bb -a 1 0 | 0 -aab -aa b 1 0 |
  /// 0 aab -aa -b 1 0 | 0 aabb 0 -aa-bb 0 1).
  static void in(const Real (&x)[6], Real (&t)[6]) {
    const Real outer = splat(81.f / 64), inner = splat(-45.f / 16);
    t[0] = multiply_add(outer, x[0], multiply_add(inner, x[2], x[4]));
    t[5] = multiply_add(outer, x[1], multiply_add(inner, x[3], x[5]));
    const auto pair = [&](float point, float other, Real& plus, Real& minus) {
      const Real square = splat(-other * other);
      const Real even = multiply_add(square, x[2], x[4]), odd = multiply_add(square, x[1], x[3]);
      plus = multiply_add(splat(point), odd, even), minus = multiply_add(splat(-point), odd, even);
    };
    pair(0.75f, 1.5f, t[1], t[2]);
    pair(1.5f, 0.75f, t[3], t[4]);
  }
  /// A' m with A' = (1 1 1 1 1 0 | 0 a -a b -b 0 | 0 aa aa bb bb 0 | 0 aaa -aaa bbb -bbb 1).
  static void out(const Real (&m)[6], Real (&y)[4]) {
    const Real a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[1] = multiply_add(splat(0.75f), b, splat(1.5f) * d);
    y[2] = multiply_add(splat(9.f / 16), a, splat(9.f / 4) * c);
    y[3] = multiply_add(splat(27.f / 64), b, multiply_add(splat(27.f / 8), d, m[5]));
  }
};

/// E::in transforms a line of a tile, E::out one of products.
template <class E>
inline void winograd_input_4(const WinogradInput& w) {
  using V = typename E::Value;
  const std::ptrdiff_t pixel = w.pixel, row = w.row, place = w.place;
  const int channels = w.channels;
  for (int i = 0; i < w.tiles; ++i)
    for (int c = 0; c < channels; c += 16) {
      const std::byte* source = w.source + 4 * i * pixel + c * E::kFrom;
      std::byte* to = w.to + (std::ptrdiff_t{i} * channels + c) * E::kTo;
      V columns[6][6];
      for (int x = 0; x < 6; ++x) {
        V in[6];
        for (int y = 0; y < 6; ++y) in[y] = E::load(source + y * row + x * pixel);
        E::in(in, columns[x]);
      }
      for (int y = 0; y < 6; ++y) {
        const V in[6] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y], columns[5][y]};
        V out[6];
        E::in(in, out);
        for (int x = 0; x < 6; ++x) E::store(to + (6 * y + x) * place, out[x]);
      }
    }
}

template <class E>
inline void winograd_output_4(const WinogradOutput& w) {
  using V = typename E::Sum;
  const std::ptrdiff_t pixel = std::ptrdiff_t{w.groups} * 64, row = 4 * w.tiles * pixel, place = w.place;
  for (int i = 0; i < w.tiles * w.groups; ++i) {
    const std::byte* source = w.source + i * 64;
    std::byte* to = w.to + i / w.groups * 4 * pixel + i % w.groups * 64;
    V columns[6][4];
    for (int x = 0; x < 6; ++x) {
      V m[6];
      for (int y = 0; y < 6; ++y) m[y] = E::load_sum(source + (6 * y + x) * place);
      E::out(m, columns[x]);
    }
    for (int y = 0; y < 4; ++y) {
      const V m[6] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y], columns[5][y]};
      V out[4];
      E::out(m, out);
      for (int x = 0; x < 4; ++x) E::store_sum(to + y * row + x * pixel, out[x]);
    }
  }
}

template <class E>
constexpr WinogradKernel winograd_4x4(const DenseKernel& products, void (*weights)(const WinogradWeights&)) {
  return {&products, E::kFrom, E::kTo, 4, winograd_input_4<E>, winograd_output_4<E>, weights, 1};
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
