#pragma once
/// Packed weights: how many bytes a native shape stands for, and the decoder of the compressed form.
#include <array>
#include <cstdint>
#include <span>

#include "core/byte_reader.hpp"
#include "core/dtype.hpp"

namespace ez_rknn::file {

/// Elements of a packed weight tensor: its native shape is a list of 6-tuples (oc groups, ic groups, kh, kw, oc in a
/// group, ic in a group) whose products add up. A depthwise tuple may hold a 0; when all do, the first counts, with 1
/// for the zeros. @throws ModelError not 6-tuples, negative or beyond 2^40
std::uint64_t packed_elements(std::span<const std::int32_t> native_shape, std::uint64_t file_offset);
std::uint64_t bytes_of(std::uint64_t elements, DType type);

/// Compressed weights: 16 lanes, lane k with bytes 4k..4k+3 of every 64-byte line of the plain packed weights.
struct Lanes {
  static constexpr int kCount = 16;
  std::array<std::uint32_t, kCount> offset{}, bytes{};  ///< bytes: of the bit stream behind the header
};

/// @param type  i8 or f16: each has a code of its own
/// @param plain  rounded up to whole lines of 64 bytes. @throws ModelError a lane leaves the buffer, ends too early
void decompress_weights(const ByteReader& compressed, const Lanes& lanes, DType type, std::span<std::byte> plain);

}  // namespace ez_rknn::file
