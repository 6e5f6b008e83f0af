#pragma once
/// Weights of halves, transformed into f32. Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_weights.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Sixteen output channels.
struct WeightReals {
  using Value = Real;
  static constexpr int kFrom = 64, kTo = 64, kVectors = 0;
  static constexpr bool kBased = false;
  static Real load(const std::byte* p) { return load_real(reinterpret_cast<const float*>(p)); }
  static void store(std::byte* p, Real x) { store_real(p, x); }
};
struct WeightHalves : WeightReals {
  static constexpr int kFrom = 32;
  static Real load(const std::byte* p) { return load_f16(p); }
};

struct RealWeightsOf2 {
  static constexpr int kTile = 2, kSlots = 4, kStride = 1;
  static void line(Real a, Real b, Real c, Real* to) {
    const Real half = splat(0.5f), ends = half * (a + c), middle = half * b;
    to[0] = a, to[1] = ends + middle, to[2] = ends - middle, to[3] = c;
  }
};
/// With the points of WinogradHalves4 (winograd_loops_4.hpp).
struct RealWeightsOf4 {
  static constexpr int kTile = 4, kSlots = 6, kStride = 1;
  static void line(Real a, Real b, Real c, Real* to) {
    to[0] = splat(64.f / 81) * a, to[5] = c;
    pair(multiply_add(splat(9.f / 16), c, a), splat(0.75f) * b, splat(-128.f / 243), to + 1);
    pair(multiply_add(splat(9.f / 4), c, a), splat(1.5f) * b, splat(32.f / 243), to + 3);
  }
  static void pair(Real even, Real odd, Real scale, Real* to) {
    to[0] = scale * (even + odd), to[1] = scale * (even - odd);
  }
};
/// [place][part], see winograd_loops_strided.hpp.
struct RealWeightsStrided {
  static constexpr int kTile = 2, kSlots = 5, kStride = 2;
  static void line(Real a, Real b, Real c, Real* to) { to[0] = a, to[1] = b, to[2] = a + c, to[3] = b, to[4] = c; }
};

template <class G>
inline void winograd_weights_of_halves(const WinogradWeights& w) {
  winograd_weights<G, WeightHalves, WeightReals>(w);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
