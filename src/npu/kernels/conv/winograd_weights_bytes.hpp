#pragma once
/// Weights of int8, transformed into int16: numbers of 16 bits wrap, what comes out fits (winograd_pack.cpp).
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/winograd_weights.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Two input channels of eight output channels; a step is two of them.
struct WeightShorts {
  using Value = Shorts;
  static constexpr int kFrom = 32, kTo = 32, kVectors = 2;
  static constexpr bool kBased = false;
  static Shorts load(const std::byte* p) { return load_short(p); }
  static Shorts load_base(const std::int16_t* p) { return load_short(p); }
  static void store(std::byte* p, Shorts x) { store_short(p, x); }
};
struct WeightBytes : WeightShorts {
  static constexpr int kFrom = 16;
  static constexpr bool kBased = true;
  static Shorts load(const std::byte* p) { return widen_i8(p); }
};

/// Fractions are kept as integers: twice as large, and the output's transform, which adds them up, knows.
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

template <class G>
inline void winograd_weights_of_bytes(const WinogradWeights& w) {
  winograd_weights<G, WeightBytes, WeightShorts>(w);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
