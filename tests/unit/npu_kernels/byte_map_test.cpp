#include "npu/kernels/byte_map.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "core/cpu.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu::kernels;

namespace {

struct Variant {
  const char* name;
  cpu::Isa isa;
  MapBytes map;
};

std::vector<Variant> variants() {
  std::vector<Variant> all{{"chosen", cpu::Isa::ref, map_bytes()}};
#if defined(__x86_64__)
  all.push_back({"avx2", cpu::Isa::avx2, kMapBytesAvx2});
  all.push_back({"avx512", cpu::Isa::avx512, kMapBytesAvx512});
#elif defined(__aarch64__)
  all.push_back({"neon", cpu::Isa::neon, kMapBytesNeon});
#endif
  std::erase_if(all, [](const Variant& v) { return !cpu::allows(v.isa); });
  return all;
}

std::vector<std::uint8_t> noise(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> v(n);
  for (auto& x : v) x = static_cast<std::uint8_t>(random());
  return v;
}

}  // namespace

TEST_CASE("every byte of every run becomes its table's entry, and nothing beside the runs changes") {
  const std::vector<std::uint8_t> table = noise(256, 1);
  unsigned seed = 2;
  for (const Variant& v : variants())
    for (std::size_t bytes = 0; bytes <= 200; ++bytes)
      for (const bool in_place : {false, true}) {
        constexpr std::size_t kCount = 3;
        const std::size_t from_step = bytes + seed % 5, to_step = in_place ? from_step : bytes + seed % 7,
                          offset = seed % 33;
        const std::vector<std::uint8_t> source = noise(offset + kCount * (bytes + 7) + 64, ++seed);
        std::vector<std::uint8_t> got = in_place ? source : noise(source.size(), ++seed), want = got;
        for (std::size_t r = 0; r < kCount; ++r)
          for (std::size_t i = 0; i < bytes; ++i)
            want[offset + r * to_step + i] = table[source[offset + r * from_step + i]];
        ByteRuns runs;
        runs.from = reinterpret_cast<const std::byte*>(in_place ? got.data() : source.data()) + offset;
        runs.to = reinterpret_cast<std::byte*>(got.data()) + offset;
        runs.bytes = bytes, runs.count = kCount;
        runs.from_step = static_cast<std::ptrdiff_t>(from_step), runs.to_step = static_cast<std::ptrdiff_t>(to_step);
        v.map(table.data(), runs);
        CAPTURE(std::string(v.name));
        CAPTURE(bytes);
        REQUIRE(got == want);
      }
}

TEST_CASE("all 256 values are found, each in every lane") {
  const std::vector<std::uint8_t> table = noise(256, 3);
  for (const Variant& v : variants()) {
    std::vector<std::uint8_t> from(256 * 64 + 63), to(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i / 64 + i % 64);
    ByteRuns runs;
    runs.from = reinterpret_cast<const std::byte*>(from.data()), runs.to = reinterpret_cast<std::byte*>(to.data());
    runs.bytes = from.size();
    v.map(table.data(), runs);
    CAPTURE(std::string(v.name));
    for (std::size_t i = 0; i < from.size(); ++i) REQUIRE_EQ(to[i], table[from[i]]);
  }
}
