#include "npu/regs/rounding.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

using namespace ez_rknn::npu;

TEST_CASE("both shifts round to nearest and differ only at halves") {
  for (int n = 1; n <= 6; ++n)
    for (std::int64_t v = -300; v <= 300; ++v) {
      CAPTURE(v);
      CAPTURE(n);
      const double exact = std::ldexp(static_cast<double>(v), -n);
      CHECK_EQ(shift_half_even(v, n), static_cast<std::int64_t>(std::nearbyint(exact)));  // default mode: half to even
      CHECK_EQ(shift_half_away(v, n), static_cast<std::int64_t>(std::round(exact)));
    }
}

TEST_CASE("extreme values and shift counts are defined") {
  CHECK_EQ(shift_half_away(INT64_MAX, 1), std::int64_t{1} << 62);
  CHECK_EQ(shift_half_even(INT64_MAX, 1), std::int64_t{1} << 62);
  CHECK_EQ(shift_half_away(INT64_MIN, 1), -(std::int64_t{1} << 62));
  CHECK_EQ(shift_half_away(INT64_MAX, 63), 1);
  CHECK_EQ(shift_half_even(std::int64_t{1} << 62, 63), 0);  // exactly a half
  for (int n : {0, -5}) {
    CHECK_EQ(shift_half_even(-7, n), -7);
    CHECK_EQ(shift_half_away(9, n), 9);
  }
  for (int n : {64, 255, 4095}) {
    CHECK_EQ(shift_half_even(INT64_MIN, n), 0);
    CHECK_EQ(shift_half_away(INT64_MAX, n), 0);
  }
}
