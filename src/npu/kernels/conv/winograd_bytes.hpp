#pragma once
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_loops_4.hpp"
#include "npu/kernels/conv/winograd_loops_strided.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// int8 in the map, int16 from there on, sums of int32. The weights' transform keeps its fractions as integers, so sums
/// are too large by a factor, and exact.
struct WinogradBytes {
  using Value = Shorts;
  using Sum = Int;
  static constexpr int kFrom = 1, kTo = 2;
  static Shorts load(const std::byte* p) { return widen_i8(p); }
  static void store(std::byte* p, Shorts x) { store_short(p, x); }
  static Int load_sum(const std::byte* p) { return load_int(reinterpret_cast<const std::int32_t*>(p)); }
  static void store_sum(std::byte* p, Int x) { store_int(p, x >> 2); }
};
/// Without fractions.
struct WinogradBytesStrided : WinogradBytes {
  static void store_sum(std::byte* p, Int x) { store_int(p, x); }
};
/// With the points 0, +-1, +-2 and infinity: from int8, twice, at most 100 times as large, which int16 holds. The
/// weights' transform leaves products 576 times too large, but the last of a line 72 times.
struct WinogradBytes4 : WinogradBytes {
  /// B' x with B' = (4 0 -5 0 1 0 | 0 -4 -4 1 1 0 | 0 4 -4 -1 1 0 | 0 -2 -1 2 1 0 | 0 2 -1 -2 1 0 | 0 4 0 -5 0 1).
  static void in(const Shorts (&x)[6], Shorts (&t)[6]) {
    const Shorts even = x[4] - x[2], odd = x[1] - x[3], p = x[4] - shift_left<2>(x[2]), q = x[3] - shift_left<2>(x[1]);
    t[0] = shift_left<2>(x[0] - x[2]) + even;
    t[1] = p + q, t[2] = p - q;
    t[3] = even - shift_left<1>(odd), t[4] = even + shift_left<1>(odd);
    t[5] = shift_left<2>(odd) + (x[5] - x[3]);
  }
  /// A' m with A' = (1 1 1 1 1 0 | 0 1 -1 2 -2 0 | 0 1 1 4 4 0 | 0 1 -1 8 -8 8).
  static void out(const Int (&m)[6], Int (&y)[4]) {
    const Int a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[1] = b + shift_left<1>(d);
    y[2] = a + shift_left<2>(c);
    y[3] = b + shift_left<3>(d + m[5]);
  }
  /// 9 has an inverse modulo 2^32, which leaves 64 times.
  static void store_sum(std::byte* p, Int x) { store_int(p, x * splat(0x38e38e39) >> 6); }
};

}  // namespace
}  // namespace ez_rknn::npu::kernels
