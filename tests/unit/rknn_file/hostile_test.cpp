/// Damaged files: whatever the bytes are, reading gives a Model that keeps its promises, or ModelError, or Unsupported.
#include <doctest/doctest.h>

#include "ez_rknn/error.hpp"
#include "mutations.hpp"
#include "promises.hpp"

using namespace ez_rknn;
using namespace ez_rknn::test;

namespace {

std::vector<std::filesystem::path> few(std::size_t count) {
  auto paths = sample_models();
  std::vector<std::filesystem::path> some;
  for (std::size_t i = 0; i < count && i < paths.size(); ++i)
    some.push_back(paths[i * paths.size() / std::min(count, paths.size())]);
  return some;
}

}  // namespace

TEST_CASE("a file cut short anywhere is refused") {
  for (const auto& path : sample_models()) {
    CAPTURE(path.string());
    const auto bytes = load(path);
    const std::span<const std::byte> all(bytes);
    for (std::size_t n = 0; n < bytes.size(); n += n < 256 || n + 256 > bytes.size() ? 1 : bytes.size() / 61 + 1) {
      CAPTURE(n);
      CHECK_THROWS_AS(file::read({nullptr, all.first(n)}), ModelError);
    }
  }
}

TEST_CASE("every byte of a small model may be anything") {
  auto paths = sample_models();
  std::sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) { return file_size(a) < file_size(b); });
  for (std::size_t i = 0; i < 2 && i < paths.size(); ++i) {
    CAPTURE(paths[i].string());
    auto bytes = load(paths[i]);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const auto before = bytes[at];
      for (const auto value : {std::byte{0}, std::byte{0xff}, before ^ std::byte{0x80}, before ^ std::byte{1}}) {
        bytes[at] = value;
        const auto wrong = misbehaviour(bytes);
        if (!wrong.empty()) FAIL_CHECK("byte " << at << " = " << std::to_integer<int>(value) << ": " << wrong);
      }
      bytes[at] = before;
    }
  }
}

TEST_CASE("random damage to any sample model is harmless") {
  for (const auto& path : sample_models()) {
    const auto bytes = load(path);
    for (std::uint32_t seed = 0; seed < 60; ++seed) {
      const auto wrong = misbehaviour(mutated(bytes, seed));
      if (!wrong.empty()) FAIL_CHECK(path.string() << ", seed " << seed << ": " << wrong);
    }
  }
}

TEST_CASE("every 32-bit word near the tables may be a huge count or an offset to anywhere") {
  for (const auto& path : few(6)) {
    CAPTURE(path.string());
    auto bytes = load(path);
    const auto step = std::max<std::size_t>(4, bytes.size() / 2500 / 4 * 4);
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += step) {
      std::uint32_t before;
      std::memcpy(&before, &bytes[at], 4);
      for (const std::uint32_t value : {0xffffffffu, 0x7fffffffu, 0x00ffffffu, before + 4, before - 4, 0u}) {
        std::memcpy(&bytes[at], &value, 4);
        const auto wrong = misbehaviour(bytes);
        if (!wrong.empty()) FAIL_CHECK("word at " << at << " = " << value << ": " << wrong);
      }
      std::memcpy(&bytes[at], &before, 4);
    }
  }
}
