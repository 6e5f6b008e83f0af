#include "npu/io/half.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <random>

#include "core/fp16.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;

TEST_CASE("the branchless half conversions give the bits of core/fp16.hpp") {
  for (std::uint32_t h = 0; h < 0x10000; ++h) {
    const auto half = static_cast<std::uint16_t>(h);
    REQUIRE_EQ(std::bit_cast<std::uint32_t>(io::half_bits_to_float(half)),
               std::bit_cast<std::uint32_t>(half_to_float(half)));
  }
  const auto same = [](std::uint32_t bits) {
    const float f = std::bit_cast<float>(bits);
    return io::float_to_half_bits(f) == float_to_half(f);
  };
  // Every float whose lower bits sit on or beside a rounding boundary of a half, and a sweep of others.
  for (std::uint32_t top = 0; top < 0x80000; ++top)
    for (std::uint32_t low : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu}) REQUIRE(same(top << 13 | low));
  std::mt19937 random(7);
  for (int i = 0; i < 2'000'000; ++i) REQUIRE(same(random()));
}
