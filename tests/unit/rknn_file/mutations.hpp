#pragma once
/// Seeded damage to the bytes of a file: the same seed gives the same damage, so a failure can be repeated.
#include <cstdint>
#include <cstring>
#include <random>

#include "samples.hpp"

namespace ez_rknn::test {

inline FileBytes mutated(const FileBytes& original, std::uint32_t seed) {
  std::mt19937 random(seed);
  FileBytes bytes = original;
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  // Tables lie at both ends of a FlatBuffer; the middle is mostly weights, where damage is harmless.
  const auto position = [&](std::size_t width) {
    const auto n = bytes.size() - width + 1;
    const auto window = std::min<std::size_t>(n, 16384);
    switch (random() % 3) {
      case 0: return below(window);
      case 1: return n - 1 - below(window);
      default: return below(n);
    }
  };
  for (int edits = 1 + static_cast<int>(random() % 3); edits-- > 0 && bytes.size() > 8;) {
    switch (random() % 5) {
      case 0: bytes[position(1)] = static_cast<std::byte>(random()); break;
      case 1: bytes[position(1)] ^= static_cast<std::byte>(1u << random() % 8); break;
      case 2: {  // counts and offsets: extremes and neighbours
        static constexpr std::uint32_t kValues[] = {0, 1, 4, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 0x10000};
        std::memcpy(&bytes[position(4)], &kValues[random() % 8], 4);
        break;
      }
      case 3: {  // an offset that leads elsewhere in the file
        const auto value = static_cast<std::uint32_t>(below(bytes.size()));
        std::memcpy(&bytes[position(4)], &value, 4);
        break;
      }
      default: {  // bytes of one place in another
        const auto n = 1 + below(16);
        if (n < bytes.size()) std::memmove(&bytes[position(n)], &bytes[position(n)], n);
      }
    }
  }
  return bytes;
}

}  // namespace ez_rknn::test
