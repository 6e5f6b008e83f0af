#pragma once
/// Depthwise convolution of reals: channels side by side, outputs in registers. The includer says what a vector of them
/// is: V has kLanes, all(float), load(const float*), load_half(const void*), store(float*),
/// store_half(void*, const int32_t* lanes), which keeps those lanes, fma(x, y, sum), +, min and max.
#include "npu/kernels/conv/depthwise_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Staged elements.
struct FloatSource {
  static constexpr int kBytes = 4;
  template <class V>
  static V load(const std::byte* p) {
    return V::load(reinterpret_cast<const float*>(p));
  }
};
struct HalfSource {
  static constexpr int kBytes = 2;
  template <class V>
  static V load(const std::byte* p) {
    return V::load_half(p);
  }
};

template <class V>
inline V weights_at(const std::byte* p) {
  return V::load(reinterpret_cast<const float*>(p));
}

/// Every output sums its window tap by tap.
template <class V, class Source, int Pixels>
void any_window(const DepthwiseTile& t, const std::byte* source, const std::byte* weights, V (&sum)[Pixels]) {
  for (int i = 0; i < t.steps; ++i) {
    const V w = weights_at<V>(weights + i * 64);
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; ++p)
      sum[p] = V::fma(Source::template load<V>(source + p * t.pixel + t.taps[i]), w, sum[p]);
  }
}

/// The same for rows of three taps, of which outputs are one or two apart: what is loaded serves all that read it.
template <class V, class Source, int Stride, int Pixels>
void three_wide(const DepthwiseTile& t, const std::byte* source, const std::byte* weights, V (&sum)[Pixels]) {
  const std::ptrdiff_t tap = t.columns.pixel * t.columns.dilation;
  for (int i = 0; i < t.steps; i += 3, weights += 3 * 64) {
    const std::byte* x = source + t.taps[i];
    const V w[3] = {weights_at<V>(weights), weights_at<V>(weights + 64), weights_at<V>(weights + 128)};
#pragma GCC unroll 34
    for (int c = 0; c < (Pixels - 1) * Stride + 3; ++c) {
      const V v = Source::template load<V>(x + c * tap);
#pragma GCC unroll 3
      for (int k = 2; k >= 0; --k)  // the order of any_window
        if (c >= k && (c - k) % Stride == 0 && (c - k) / Stride < Pixels)
          sum[(c - k) / Stride] = V::fma(v, w[k], sum[(c - k) / Stride]);
    }
  }
}

/// Sums of some channels of a pixel to their results.
template <class V>
inline void finish_lanes(const LineFinish& f, int lane, V sum, std::byte* out) {
  const V value = min(V::all(f.hi), max(V::all(f.lo), sum + V::load(f.bias + lane)));
  value.store_half(out + lane * 2, f.lanes + lane);
}

template <class V, class Source, int Pixels>
void depthwise_block(const DepthwiseTile& t, int first) {
  const int outputs_apart = t.columns.kernel == 3 ? t.columns.stride : 0;
  for (int lane = 0; lane < 16; lane += V::kLanes) {
    const std::byte* source = t.source + first * t.pixel + lane * Source::kBytes;
    const std::byte* weights = t.weights + lane * 4;
    V sum[Pixels];
    for (V& s : sum) s = V::all(0);
    if (outputs_apart == t.columns.dilation) three_wide<V, Source, 1>(t, source, weights, sum);
    else if (outputs_apart == 2 * t.columns.dilation) three_wide<V, Source, 2>(t, source, weights, sum);
    else any_window<V, Source>(t, source, weights, sum);
    if (t.finish) {
      const LineFinish f = *t.finish;  // a copy, which stores cannot change
      std::byte* out = f.out + first * f.out_pixel;
#pragma GCC unroll 16
      for (int p = 0; p < Pixels; ++p, out += f.out_pixel) finish_lanes(f, lane, sum[p], out);
      continue;
    }
#pragma GCC unroll 16
    for (int p = 0; p < Pixels; ++p)
      sum[p].store(reinterpret_cast<float*>(t.accumulators + (first + p) * 64 + lane * 4));
  }
}

template <class V, class Source>
void depthwise(const DepthwiseTile& t) {
  int p = 0;
  for (; p + 8 <= t.pixels; p += 8) depthwise_block<V, Source, 8>(t, p);
  if (p + 4 <= t.pixels) depthwise_block<V, Source, 4>(t, p), p += 4;
  if (p + 2 <= t.pixels) depthwise_block<V, Source, 2>(t, p), p += 2;
  if (p < t.pixels) depthwise_block<V, Source, 1>(t, p);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
