#pragma once
/// F(4x4, 3x3), in integers. Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// B' x with B' = (4 0 -5 0 1 0 | 0 -4 -4 1 1 0 | 0 4 -4 -1 1 0 | 0 -2 -1 2 1 0 | 0 2 -1 -2 1 0 | 0 4 0 -5 0 1): from
/// int8, twice, at most 100 times as large, which int16 holds.
template <class V>
inline void winograd_in_4(const V (&x)[6], V (&t)[6]) {
  const V even = x[4] - x[2], odd = x[1] - x[3], p = x[4] - (x[2] << 2), q = x[3] - (x[1] << 2), twice = odd + odd;
  t[0] = ((x[0] - x[2]) << 2) + even;
  t[1] = p + q, t[2] = p - q;
  t[3] = even - twice, t[4] = even + twice;
  t[5] = (odd << 2) + (x[5] - x[3]);
}

/// A' m with A' = (1 1 1 1 1 0 | 0 1 -1 2 -2 0 | 0 1 1 4 4 0 | 0 1 -1 8 -8 8): the last element is an eighth of the
/// others' scale.
template <class E, class V>
inline void winograd_out_4(const V (&m)[6], V (&y)[4]) {
  const V a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  y[0] = m[0] + a + c;
  y[1] = b + (d + d);
  y[2] = a + E::template up<2>(c);
  y[3] = b + E::template up<3>(d + m[5]);
}

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
        winograd_in_4(in, columns[x]);
      }
      for (int y = 0; y < 6; ++y) {
        const V in[6] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y], columns[5][y]};
        V out[6];
        winograd_in_4(in, out);
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
      winograd_out_4<E>(m, columns[x]);
    }
    for (int y = 0; y < 4; ++y) {
      const V m[6] = {columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y], columns[5][y]};
      V out[4];
      winograd_out_4<E>(m, out);
      for (int x = 0; x < 4; ++x) E::store_sum(to + y * row + x * pixel, out[x]);
    }
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
