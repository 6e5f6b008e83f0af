#pragma once
/// What attention does between its products, for the queries of one tile at once: compiled with the inner loop of
/// gemm() for each instruction set, of which all give the same bits.
#include <cstdint>
#include <limits>

#include "npu/ops/fast_math.hpp"

namespace ez_rknn::npu::ops {

/// Whole steps between two bounds, to which numbers are rounded and at which they saturate.
struct Steps {
  static constexpr float kMost = 0x1p20f;  ///< a bound may have: rounding needs a bit for 1 beside 1.5 * 2^23

  float size = 1, least = 0, most = 0;  ///< bounds in steps, integers
  float round(float x) const {
    float v = x / size;
    v = v < least ? least : v;
    v = v > most ? most : v;
    return ((v + 0x1.8p23f) - 0x1.8p23f) * size;
  }
};

/// How scores become weights; null: nothing is rounded.
struct Weighing {
  float scale = 1;
  const Steps *scores = nullptr, *weights = nullptr;
};

/// x[key][query]: scores of all keys in, weights out.
template <int kColumns>
void weigh_columns(float* x, std::int64_t keys, const Weighing& w) {
  // Copies, which stores to x cannot change.
  const bool round_scores = w.scores, round_weights = w.weights;
  const Steps scores = round_scores ? *w.scores : Steps{}, weights = round_weights ? *w.weights : Steps{};
  float largest[kColumns], sum[kColumns];
  for (int c = 0; c < kColumns; ++c) largest[c] = -std::numeric_limits<float>::infinity(), sum[c] = 0;
  const auto each = [&](auto f) {
    for (std::int64_t i = 0; i < keys; ++i)
      for (int c = 0; c < kColumns; ++c) f(x[i * kColumns + c], c);
  };
  if (round_scores) each([&](float& v, int) { v = scores.round(v * w.scale); });
  else each([&](float& v, int) { v *= w.scale; });
  each([&](float& v, int c) { largest[c] = v > largest[c] || v != v ? v : largest[c]; });
  each([&](float& v, int c) { v = fast_exp(v - largest[c]), sum[c] += v; });
  if (round_weights) each([&](float& v, int c) { v = weights.round(v / sum[c]); });
  else each([&](float& v, int c) { v /= sum[c]; });
}

}  // namespace ez_rknn::npu::ops
