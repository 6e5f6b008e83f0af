#pragma once
/// Dense convolution of reals: one fused multiply-add a step; every output sums its window in order, tap by tap.
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// How sixteen weights lie.
struct FloatWeights {
  static constexpr int kBytes = 64;
  static Real load(const std::byte* p) { return load_real(reinterpret_cast<const float*>(p)); }
};
struct HalfWeights {
  static constexpr int kBytes = 32;
  static Real load(const std::byte* p) { return load_f16(p); }
};

/// A pixel's sums to its results.
template <bool Operand, int Groups>
inline void finish_pixel(const LineFinish& f, const Real (&sum)[Groups], const std::byte* operand, std::byte* out) {
#pragma GCC unroll 2
  for (int g = 0; g < Groups; ++g) {
    Real v = sum[g] + load_real(f.bias + g * 16);
    if constexpr (Operand) v = v + load_f16(operand + g * 32);
    store_f16(out + g * 32, keep_lanes(min(splat(f.hi), max(splat(f.lo), v)), load_int(f.lanes + g * 16)));
  }
}

template <class Weights, int Groups, int Pixels>
void real_block(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  const std::byte* ahead = t.ahead ? t.ahead : t.weights;
  constexpr int kNear = (Pixels + 1) / 2;
  const std::ptrdiff_t pixel = t.pixel;
  for (int run = 0; run < t.runs; ++run, source += Pixels * pixel, to += Pixels * Groups * 64) {
    Real sum[Pixels][Groups];
    for (auto& of_pixel : sum)
      for (Real& s : of_pixel) s = splat(0.0f);
    const std::byte* w = t.weights;
    for (int tap = 0; tap < t.tap_count; ++tap) {
      // Two pointers halve the distances, for which there are too few registers otherwise.
      const std::byte *near = source + t.taps[tap], *far = near + kNear * pixel;
      asm("" : "+r"(far));
      for (int i = 0; i < t.steps; ++i, near += 4, far += 4, w += Groups * Weights::kBytes) {
        __builtin_prefetch(ahead, 0, 2);
        ahead += t.ahead_step;
        Real weight[Groups];
#pragma GCC unroll 2
        for (int g = 0; g < Groups; ++g) weight[g] = Weights::load(w + g * Weights::kBytes);
#pragma GCC unroll 14
        for (int p = 0; p < Pixels; ++p) {
          const std::byte* x = p < kNear ? near + p * pixel : far + (p - kNear) * pixel;
          const Real value = splat(*reinterpret_cast<const float*>(x));
#pragma GCC unroll 2
          for (int g = 0; g < Groups; ++g) sum[p][g] = multiply_add(weight[g], value, sum[p][g]);
        }
      }
    }
    if (t.finish) {
      const LineFinish f = *t.finish;  // a copy, which stores cannot change
      std::byte* out = f.out + run * Pixels * f.out_pixel;
      if (const std::byte* operand = f.operand) {
        operand += run * Pixels * f.operand_pixel;
#pragma GCC unroll 14
        for (int p = 0; p < Pixels; ++p, operand += f.operand_pixel, out += f.out_pixel)
          finish_pixel<true>(f, sum[p], operand, out);
      } else {
#pragma GCC unroll 14
        for (int p = 0; p < Pixels; ++p, out += f.out_pixel) finish_pixel<false>(f, sum[p], nullptr, out);
      }
      continue;
    }
#pragma GCC unroll 14
    for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 2
      for (int g = 0; g < Groups; ++g) store_real(to + (p * Groups + g) * 64, sum[p][g]);
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
