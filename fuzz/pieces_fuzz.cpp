/// The small parsers of the reader, each on bytes of its own, which damage to a whole file seldom reaches: the first
/// byte chooses the JSON text of user types, a node's BSON attributes, or compressed weights.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "ez_rknn/error.hpp"
#include "rknn_file/bson.hpp"
#include "rknn_file/user_types.hpp"
#include "rknn_file/weights.hpp"

namespace {

using namespace ez_rknn;

void user_types(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::size_t kept = 0;
  for (const auto& [name, type] : file::read_user_types(text))
    kept += name.size() + type.dtype.size() + type.layout.size();
  if (kept > bytes.size()) std::abort();  // an escape is never shorter than what it stands for
}

void attributes(std::span<const std::byte> bytes) {
  const ByteReader reader(bytes, 1);
  if (!file::is_bson(reader)) return;
  file::Budget budget(bytes.size());
  file::Attributes read;
  file::read_bson_attributes(reader, budget, read);
}

/// Lines to unpack and, in the highest bit, the type (one byte), 16 lanes (offset and length, two bytes each), then the
/// streams.
void weights(std::span<const std::byte> bytes) {
  constexpr std::size_t kHead = 1 + 4 * file::Lanes::kCount;
  if (bytes.size() < kHead) return;
  const auto number = [&](std::size_t at) {
    return std::to_integer<std::uint32_t>(bytes[at]) | std::to_integer<std::uint32_t>(bytes[at + 1]) << 8;
  };
  file::Lanes lanes;
  for (std::size_t k = 0; k < lanes.kCount; ++k)
    lanes.offset[k] = number(1 + 4 * k), lanes.bytes[k] = number(3 + 4 * k);
  const auto first = std::to_integer<unsigned>(bytes[0]);
  std::vector<std::byte> plain(64 * (first & 0x7f));
  file::decompress_weights(ByteReader(bytes.subspan(kHead)), lanes, first & 0x80 ? DType::f16 : DType::i8, plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr void (*kParsers[])(std::span<const std::byte>) = {user_types, attributes, weights};
  try {
    kParsers[data[0] % std::size(kParsers)](std::as_bytes(std::span(data, size).subspan(1)));
  } catch (const ModelError&) {  // refused
  } catch (const std::exception& e) {
    std::fprintf(stderr, "pieces_fuzz: another exception: %s\n", e.what());
    std::abort();
  }
  return 0;
}
