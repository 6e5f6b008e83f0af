#pragma once
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// B' d B with B' = (1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1): first down the columns, then along the rows.
inline void winograd_tile(const std::byte* source, std::ptrdiff_t pixel, std::ptrdiff_t row, std::byte* to,
                          std::ptrdiff_t place) {
  Real t[4][4];
  for (int x = 0; x < 4; ++x) {
    const std::byte* column = source + x * pixel;
    const Real a = load_f16(column), b = load_f16(column + row), c = load_f16(column + 2 * row),
               d = load_f16(column + 3 * row);
    t[0][x] = a - c, t[1][x] = b + c, t[2][x] = c - b, t[3][x] = b - d;
  }
  for (int y = 0; y < 4; ++y) {
    std::byte* at = to + 4 * y * place;
    store_real(at, t[y][0] - t[y][2]);
    store_real(at + place, t[y][1] + t[y][2]);
    store_real(at + 2 * place, t[y][2] - t[y][1]);
    store_real(at + 3 * place, t[y][1] - t[y][3]);
  }
}

inline void winograd_input(const WinogradInput& w) {
  const std::ptrdiff_t pixel = w.pixel, row = w.row, place = w.place;
  for (int i = 0; i < w.tiles; ++i) {
    const std::byte* source = w.source + 2 * i * pixel;
    std::byte* to = w.to + std::ptrdiff_t{i} * w.channels * 4;
    for (int c = 0; c < w.channels; c += 16) winograd_tile(source + c * 2, pixel, row, to + c * 4, place);
  }
}

/// A' m A with A' = (1 1 1 0 | 0 1 -1 -1).
inline void winograd_output(const WinogradOutput& w) {
  const std::ptrdiff_t pixel = std::ptrdiff_t{w.groups} * 64, place = w.place;
  std::byte *above = w.to, *below = w.to + 2 * w.tiles * pixel;
  for (int i = 0; i < w.tiles * w.groups; ++i) {
    const std::byte* source = w.source + i * 64;
    const std::ptrdiff_t at = i / w.groups * 2 * pixel + i % w.groups * 64;
    Real top[4], bottom[4];
    for (int x = 0; x < 4; ++x) {
      const auto m = [&](int y) { return load_real(reinterpret_cast<const float*>(source + (4 * y + x) * place)); };
      const Real b = m(1), c = m(2);
      top[x] = m(0) + b + c, bottom[x] = b - c - m(3);
    }
    store_real(above + at, top[0] + top[1] + top[2]);
    store_real(above + at + pixel, top[1] - top[2] - top[3]);
    store_real(below + at, bottom[0] + bottom[1] + bottom[2]);
    store_real(below + at + pixel, bottom[1] - bottom[2] - bottom[3]);
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
