#pragma once
/// Convolution of int16: sums of products of two 16-bit numbers need more than 32 bits, and double precision holds them
/// exactly up to 2^53. Included after one of simd/*.hpp.
#include "npu/kernels/conv/dense_kernel.hpp"
#include "npu/kernels/conv/depthwise_kernel.hpp"
#include "npu/kernels/conv/stage_copy.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <int Pixels>
void wide_block(const DenseTile& t) {
  const std::byte* source = t.source;
  std::byte* to = t.accumulators;
  for (int run = 0; run < t.runs; ++run, source += Pixels * t.pixel, to += Pixels * 128) {
    Wide sum[Pixels];
    for (auto& s : sum) s = splat(0.0);
    const auto* w = reinterpret_cast<const double*>(t.weights);
    for (int tap = 0; tap < t.tap_count; ++tap) {
      const std::byte* x = source + t.taps[tap];
      for (int i = 0; i < t.steps; ++i, x += 8, w += 16) {
        const Wide weight = load_wide(w);
#pragma GCC unroll 8
        for (int p = 0; p < Pixels; ++p)
          sum[p] = multiply_add(weight, splat(*reinterpret_cast<const double*>(x + p * t.pixel)), sum[p]);
      }
    }
    for (int p = 0; p < Pixels; ++p) store_wide(reinterpret_cast<double*>(to) + p * 16, sum[p]);
  }
}

void wide_depthwise(const DepthwiseTile& t) {
  for (int p = 0; p < t.pixels; ++p) {
    const std::byte* x = t.source + p * t.pixel;
    Wide sum = splat(0.0);
    for (int i = 0; i < t.steps; ++i)
      sum = multiply_add(load_wide(reinterpret_cast<const double*>(x + t.taps[i])),
                         load_wide(reinterpret_cast<const double*>(t.weights) + i * 16), sum);
    store_wide(reinterpret_cast<double*>(t.accumulators) + p * 16, sum);
  }
}

void i16_to_f64(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels,
                int channels) {
  for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel)
    for (int c = 0; c < channels; c += 16)
      store_wide(reinterpret_cast<double*>(to) + c, to_wide(load_i16(from + c * 2)));
}

constexpr StageFormat kToF64 = {2, 8, 0, i16_to_f64};
constexpr DepthwiseKernel kWideDepthwise = {DepthwiseEncoding::f64, wide_depthwise};

}  // namespace
}  // namespace ez_rknn::npu::kernels
