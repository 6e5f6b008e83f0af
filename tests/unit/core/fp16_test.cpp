#include "core/fp16.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using namespace ez_rknn;

namespace {

/// Half to double by the definition of the format, with nothing in common with the code under test.
double half_value(std::uint16_t h) {
  const int exponent = (h >> 10) & 0x1f, mantissa = h & 0x3ff;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return h & 0x8000 ? -magnitude : magnitude;
}

// The same conversions case by case, as the format is usually explained.
constexpr float widen_by_cases(std::uint16_t h) {
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

constexpr std::uint16_t narrow_by_cases(float f) {
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

}  // namespace

TEST_CASE("every half converts to the float of the same value and back to itself") {
  for (std::uint32_t h = 0; h < 0x10000; ++h) {
    const auto half = static_cast<std::uint16_t>(h);
    if ((h & 0x7c00) == 0x7c00) continue;
    CAPTURE(h);
    REQUIRE_EQ(double{half_to_float(half)}, half_value(half));
    REQUIRE_EQ(float_to_half(half_to_float(half)), half);
  }
}

TEST_CASE("a float between two halves goes to the nearer, a tie to the even one") {
  for (std::uint32_t h = 0; h < 0x7bff; ++h) {
    const double low = half_value(static_cast<std::uint16_t>(h)), high = half_value(static_cast<std::uint16_t>(h + 1));
    const double middle = (low + high) / 2;  // exact in float: halves have 11 bits
    CAPTURE(h);
    const auto even = static_cast<std::uint16_t>(h & 1 ? h + 1 : h);
    REQUIRE_EQ(float_to_half(static_cast<float>(middle)), even);
    REQUIRE_EQ(float_to_half(static_cast<float>(-middle)), even | 0x8000);
    REQUIRE_EQ(float_to_half(std::nextafter(static_cast<float>(middle), 0.0f)), h);
    REQUIRE_EQ(float_to_half(std::nextafter(static_cast<float>(middle), 1e9f)), h + 1);
  }
}

TEST_CASE("infinities, overflow and NaN") {
  const float inf = std::numeric_limits<float>::infinity();
  CHECK_EQ(float_to_half(inf), 0x7c00);
  CHECK_EQ(float_to_half(-inf), 0xfc00);
  CHECK_EQ(float_to_half(65519.996f), 0x7bff);
  CHECK_EQ(float_to_half(65520.0f), 0x7c00);
  CHECK_EQ(half_to_float(0x7c00), inf);
  CHECK(std::isnan(half_to_float(float_to_half(std::nanf("")))));
  CHECK_EQ(float_to_half(-0.0f), 0x8000);
}

TEST_CASE("bfloat16 rounds to nearest even and keeps NaN a NaN") {
  CHECK_EQ(float_to_bfloat(1.0f), 0x3f80);
  CHECK_EQ(float_to_bfloat(1.00390625f), 0x3f80);  // 1 + 2^-8: tie, even below
  CHECK_EQ(float_to_bfloat(1.01171875f), 0x3f82);  // 1 + 3 * 2^-8: tie, even above
  CHECK(std::isnan(bfloat_to_float(float_to_bfloat(std::nanf("")))));
}

TEST_CASE("the branchless conversions give the bits of those written case by case") {
  for (std::uint32_t h = 0; h < 0x10000; ++h) {
    const auto half = static_cast<std::uint16_t>(h);
    REQUIRE_EQ(std::bit_cast<std::uint32_t>(half_to_float(half)), std::bit_cast<std::uint32_t>(widen_by_cases(half)));
  }
  const auto same = [](std::uint32_t bits) {
    const float f = std::bit_cast<float>(bits);
    return float_to_half(f) == narrow_by_cases(f);
  };
  // Every float whose lower bits sit on or beside a rounding boundary of a half, and a sweep of others.
  for (std::uint32_t top = 0; top < 0x80000; ++top)
    for (std::uint32_t low : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu}) REQUIRE(same(top << 13 | low));
  std::mt19937 random(7);
  for (int i = 0; i < 2'000'000; ++i) REQUIRE(same(random()));
}
