#include "npu/matmul/fingerprint.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace ez_rknn::npu::matmul {
namespace {

constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15u;
constexpr std::size_t kBlock = 256 * 1024;

/// Reversible in `state` for every word, so one changed word always changes the result. The rotation carries a
/// difference in the top bit down, where the next multiplication spreads it.
std::uint64_t mix(std::uint64_t state, std::uint64_t word) { return std::rotl((state ^ word) * kMultiplier, 31); }

std::uint64_t of_block(const std::byte* data, std::size_t bytes) {
  constexpr std::size_t kLanes = 8;  // independent, so that the multiplications overlap
  std::uint64_t lanes[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = bytes + i;
  std::size_t at = 0;
  for (; at + sizeof lanes <= bytes; at += sizeof lanes) {
    std::uint64_t words[kLanes];
    std::memcpy(words, data + at, sizeof words);
    for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = mix(lanes[i], words[i]);
  }
  std::uint64_t rest[kLanes] = {};
  if (at < bytes) std::memcpy(rest, data + at, bytes - at);
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < kLanes; ++i) result = mix(result, mix(lanes[i], rest[i]));
  return result;
}

}  // namespace

std::uint64_t fingerprint(std::span<const std::byte> bytes, Team& team) {
  std::vector<std::uint64_t> blocks((bytes.size() + kBlock - 1) / kBlock);
  team.for_each(blocks.size(), [&](std::size_t i, int) {
    blocks[i] = of_block(bytes.data() + i * kBlock, std::min(kBlock, bytes.size() - i * kBlock));
  });
  std::uint64_t result = bytes.size();
  for (const std::uint64_t b : blocks) result = mix(result, b);
  return result;
}

}  // namespace ez_rknn::npu::matmul
