#pragma once
/// Arithmetic right shifts to nearest, the two ways the NPU breaks ties. A definition shared by the interpreter and the
/// kernels' references, so that both round alike; which one applies where:
///   half away from zero  the MUL shifts of BS and BN, look-up table interpolation
///   half to even         the element-wise operand's conversion, the output converter, the accumulator's truncation
///   half away from zero  the truncation of an element-wise result
#include <cstdint>

namespace ez_rknn::npu {

namespace rounding_detail {
constexpr std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}
constexpr std::int64_t with_sign(std::uint64_t m, bool negative) {
  return static_cast<std::int64_t>(negative ? 0 - m : m);
}
}  // namespace rounding_detail

/// v / 2^n to nearest, halves away from zero. Defined for every v and n: n <= 0 gives v, n > 63 gives 0.
constexpr std::int64_t shift_half_away(std::int64_t v, int n) {
  if (n <= 0) return v;
  if (n > 63) return 0;
  const std::uint64_t m = rounding_detail::magnitude(v);
  return rounding_detail::with_sign((m >> n) + ((m >> (n - 1)) & 1), v < 0);
}

/// v / 2^n to nearest, halves to the even neighbour. Defined for every v and n: n <= 0 gives v, n > 63 gives 0.
constexpr std::int64_t shift_half_even(std::int64_t v, int n) {
  if (n <= 0) return v;
  if (n > 63) return 0;
  const std::uint64_t m = rounding_detail::magnitude(v);
  const std::uint64_t quotient = m >> n, rest = m & ((std::uint64_t{1} << n) - 1), half = std::uint64_t{1} << (n - 1);
  return rounding_detail::with_sign(quotient + (rest > half || (rest == half && (quotient & 1))), v < 0);
}

static_assert(shift_half_away(5, 1) == 3 && shift_half_away(-5, 1) == -3 && shift_half_away(-1, 1) == -1);
static_assert(shift_half_even(5, 1) == 2 && shift_half_even(-5, 1) == -2 && shift_half_even(7, 1) == 4);
static_assert(shift_half_even(INT64_MIN, 63) == -1 && shift_half_away(INT64_MIN, 64) == 0);

}  // namespace ez_rknn::npu
