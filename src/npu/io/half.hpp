#pragma once
/// Half precision for loops: the same bits as core/fp16.hpp, without branches, so that compilers vectorise them on
/// every machine (SSE2 has no conversion instruction).
#include <bit>
#include <cstdint>

namespace ez_rknn::npu::io {

inline float half_bits_to_float(std::uint16_t h) {
  const std::uint32_t sign = std::uint32_t{h & 0x8000u} << 16, magnitude = h & 0x7fffu;
  // Exponent and mantissa moved into a float's place are 2^-112 of the value, subnormals included.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  const std::uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | sign);
}

inline std::uint16_t float_to_half_bits(float f) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(f);
  const std::uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  // Normal: rebias the exponent, round to nearest even by carry. Beyond 65504 the carry gives infinity.
  const std::uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Subnormal: adding 0.5 leaves the units of 2^-24 in the lowest bits, rounded by the addition itself.
  const std::uint32_t tiny = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const std::uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  std::uint32_t h = magnitude < 0x38800000u ? tiny : normal;
  h = magnitude >= 0x47800000u ? 0x7c00u : h;
  h = magnitude > 0x7f800000u ? nan : h;
  return static_cast<std::uint16_t>(h | sign);
}

}  // namespace ez_rknn::npu::io
