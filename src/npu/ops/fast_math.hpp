#pragma once
/// exp() and its relatives in float, without branches or calls, so that loops over them become vector code. Relative
/// error below 3e-7.
#include <bit>
#include <cstdint>

namespace ez_rknn::npu::ops {

/// 2^k * e^r with |r| <= ln(2) / 2 and Taylor's series for e^r, whose eighth term is below 6e-9.
/// 0 below -87, where floats become subnormal; numbers above 88 give e^88. NaN stays NaN.
inline float fast_exp(float x) {
  const float bounded = x > 88.0f ? 88.0f : x < -87.0f ? -87.0f : x;
  const float shifted = bounded * 1.44269504088896f + 0x1.8p23f;  // rounds to an integer in the low bits
  const float k = shifted - 0x1.8p23f;
  const float r = (bounded - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cp-20f;  // ln(2) in two parts, the first of few bits
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) + 127u) << 23;
  const float y = p * std::bit_cast<float>(exponent);
  return x < -87.0f ? 0.0f : y;
}

/// The same in double, with a relative error below 1e-11.
inline double fast_exp(double x) {
  const double bounded = x > 700.0 ? 700.0 : x < -700.0 ? -700.0 : x;
  const double shifted = bounded * 1.4426950408889634 + 0x1.8p52;
  const double k = shifted - 0x1.8p52;
  const double r = bounded - k * 0.69314718055994531;
  double p = 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const std::uint64_t exponent = (std::bit_cast<std::uint64_t>(shifted) + 1023u) << 52;
  const double y = p * std::bit_cast<double>(exponent);
  return x < -700.0 ? 0.0 : y;
}

inline float fast_sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

/// From e^(-2|x|): exact at both ends. Below 0.25 the quotient would cancel, so the odd series takes over there.
inline float fast_tanh(float x) {
  const float magnitude = x < 0 ? -x : x;
  const float e = fast_exp(-2.0f * magnitude);
  const float large = (1.0f - e) / (1.0f + e);
  const float s = magnitude * magnitude;
  float p = -1382.0f / 155925;
  p = p * s + 62.0f / 2835;
  p = p * s + -17.0f / 315;
  p = p * s + 2.0f / 15;
  p = p * s + -1.0f / 3;
  const float small = magnitude + magnitude * (s * p);
  const float y = magnitude < 0.25f ? small : large;
  return x < 0 ? -y : x == x ? y : x;
}

}  // namespace ez_rknn::npu::ops
