#include "core/byte_reader.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

using namespace ez_rknn;

namespace {
constexpr std::uint64_t kHuge = ~std::uint64_t{0};
}

TEST_CASE("reads inside the bytes succeed, unaligned ones too") {
  const std::array<std::byte, 6> bytes{std::byte{1}, std::byte{2}, std::byte{3},
                                       std::byte{4}, std::byte{5}, std::byte{6}};
  const ByteReader r(bytes);
  CHECK_EQ(r.get<std::uint32_t>(1, "x"), 0x05040302u);
  CHECK_EQ(r.get<std::uint8_t>(5, "x"), 6);
  CHECK_EQ(r.slice(6, 0, "x").size(), 0);
}

TEST_CASE("reads that leave the bytes throw with the offset in the file, and no arithmetic wraps around") {
  const std::array<std::byte, 8> bytes{};
  const ByteReader r(bytes, 100);
  CHECK_THROWS_AS(r.get<std::uint32_t>(5, "x"), ModelError);
  CHECK_THROWS_AS(r.get<std::uint8_t>(kHuge, "x"), ModelError);
  CHECK_THROWS_AS(r.slice(4, 5, "x"), ModelError);
  CHECK_THROWS_AS(r.slice(1, kHuge, "x"), ModelError);
  CHECK_FALSE(r.contains(1, kHuge / 8 + 2, 8));
  CHECK_FALSE(r.contains(9, 0));
  CHECK(r.contains(8, 0));
  try {
    r.get<std::uint64_t>(3, "vector length");
    FAIL("no error");
  } catch (const ModelError& e) {
    CHECK_EQ(e.offset, 103);
    CHECK(std::string(e.what()).find("vector length") != std::string::npos);
  }
}
