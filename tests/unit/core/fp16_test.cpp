#include "core/fp16.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace ez_rknn;

namespace {

/// Half to double by the definition of the format, with nothing in common with the code under test.
double half_value(std::uint16_t h) {
  const int exponent = (h >> 10) & 0x1f, mantissa = h & 0x3ff;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return h & 0x8000 ? -magnitude : magnitude;
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
