#pragma once
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Elements as the transforms take and leave them: f16 in the map, f32 from there on.
struct WinogradHalves {
  using Value = Real;
  using Sum = Real;
  static constexpr int kFrom = 2, kTo = 4;
  static Real load(const std::byte* p) { return load_f16(p); }
  static void store(std::byte* p, Real x) { store_real(p, x); }
  static Real load_sum(const std::byte* p) { return load_real(reinterpret_cast<const float*>(p)); }
  static void store_sum(std::byte* p, Real x) { store_real(p, x); }
};

/// B' d B with B' = (1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1): first down the columns, then along the rows.
template <class E>
inline void winograd_tile(const std::byte* source, std::ptrdiff_t pixel, std::ptrdiff_t row, std::byte* to,
                          std::ptrdiff_t place) {
  typename E::Value t[4][4];
  for (int x = 0; x < 4; ++x) {
    const std::byte* column = source + x * pixel;
    const auto a = E::load(column), b = E::load(column + row), c = E::load(column + 2 * row),
               d = E::load(column + 3 * row);
    t[0][x] = a - c, t[1][x] = b + c, t[2][x] = c - b, t[3][x] = b - d;
  }
  for (int y = 0; y < 4; ++y) {
    std::byte* at = to + 4 * y * place;
    E::store(at, t[y][0] - t[y][2]);
    E::store(at + place, t[y][1] + t[y][2]);
    E::store(at + 2 * place, t[y][2] - t[y][1]);
    E::store(at + 3 * place, t[y][1] - t[y][3]);
  }
}

template <class E>
inline void winograd_input(const WinogradInput& w) {
  const std::ptrdiff_t pixel = w.pixel, row = w.row, place = w.place;
  for (int i = 0; i < w.tiles; ++i) {
    const std::byte* source = w.source + 2 * i * pixel;
    std::byte* to = w.to + std::ptrdiff_t{i} * w.channels * E::kTo;
    for (int c = 0; c < w.channels; c += 16)
      winograd_tile<E>(source + c * E::kFrom, pixel, row, to + c * E::kTo, place);
  }
}

/// A' m A with A' = (1 1 1 0 | 0 1 -1 -1).
template <class E>
inline void winograd_output(const WinogradOutput& w) {
  const std::ptrdiff_t pixel = std::ptrdiff_t{w.groups} * 64, place = w.place;
  std::byte *above = w.to, *below = w.to + 2 * w.tiles * pixel;
  for (int i = 0; i < w.tiles * w.groups; ++i) {
    const std::byte* source = w.source + i * 64;
    const std::ptrdiff_t at = i / w.groups * 2 * pixel + i % w.groups * 64;
    typename E::Sum top[4], bottom[4];
    for (int x = 0; x < 4; ++x) {
      const auto m = [&](int y) { return E::load_sum(source + (4 * y + x) * place); };
      const auto b = m(1), c = m(2);
      top[x] = m(0) + b + c, bottom[x] = b - c - m(3);
    }
    E::store_sum(above + at, top[0] + top[1] + top[2]);
    E::store_sum(above + at + pixel, top[1] - top[2] - top[3]);
    E::store_sum(below + at, bottom[0] + bottom[1] + bottom[2]);
    E::store_sum(below + at + pixel, bottom[1] - bottom[2] - bottom[3]);
  }
}

template <class E>
constexpr WinogradKernel winograd_2x2(const DenseKernel& products, void (*weights)(const WinogradWeights&)) {
  return {&products, E::kFrom, E::kTo, 2, winograd_input<E>, winograd_output<E>, weights, 1};
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
