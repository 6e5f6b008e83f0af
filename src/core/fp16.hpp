#pragma once
/// IEEE half precision in plain integers, for code that must give the same bits on every machine. Loops that are hot
/// use the ISA's own conversion, which rounds the same way (to nearest, ties to even).
#include <bit>
#include <cstdint>

namespace ez_rknn {

constexpr float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = std::uint32_t{h & 0x8000u} << 16;
  const std::uint32_t exponent = (h >> 10) & 0x1fu;
  std::uint32_t mantissa = h & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  std::uint32_t e = 113;  // a subnormal half is a normal float: shift its leading one up to the implicit bit
  while (!(mantissa & 0x400u)) mantissa <<= 1, --e;
  return std::bit_cast<float>(sign | (e << 23) | ((mantissa & 0x3ffu) << 13));
}

constexpr std::uint16_t float_to_half(float f) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(f);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x7f800000u)  // infinity, NaN (kept a NaN)
    return static_cast<std::uint16_t>(sign | 0x7c00u |
                                      (magnitude > 0x7f800000u ? 0x200u | ((magnitude >> 13) & 0x3ffu) : 0u));
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // rounds beyond 65504
  if (magnitude < 0x33000001u) return static_cast<std::uint16_t>(sign);  // at most half of the least subnormal
  std::uint32_t exponent = magnitude >> 23, mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  std::uint32_t shift = 13, base = (exponent - 112) << 10;
  if (exponent < 113) shift = 126 - exponent, base = 0;
  else mantissa &= 0x7fffffu;
  const std::uint32_t half = 1u << (shift - 1), rest = mantissa & ((1u << shift) - 1);
  std::uint32_t value = base + (mantissa >> shift);
  if (rest > half || (rest == half && (value & 1))) ++value;  // may carry into the exponent, which is right
  return static_cast<std::uint16_t>(sign | value);
}

constexpr float round_to_half(float f) { return half_to_float(float_to_half(f)); }

constexpr float bfloat_to_float(std::uint16_t b) { return std::bit_cast<float>(std::uint32_t{b} << 16); }
constexpr std::uint16_t float_to_bfloat(float f) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(f);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace ez_rknn
