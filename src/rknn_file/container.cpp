#include "rknn_file/container.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace ez_rknn::file {
namespace {

constexpr std::uint64_t kMiniVersion = 0x1004;
constexpr std::uint64_t kNewestVersion = 6;

bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

std::string quoted_start(std::span<const std::byte> file) {
  std::string s;
  for (const auto b : file.first(std::min<std::size_t>(4, file.size()))) {
    char hex[4];
    std::snprintf(hex, sizeof hex, " %02x", std::to_integer<unsigned>(b));
    s += hex;
  }
  return s;
}

void check_signature(std::span<const std::byte> file) {
  if (starts_with(file, "CYPTRKNN")) throw Unsupported("the model is encrypted; only plain .rknn files can be read");
  if (starts_with(file, "RKNX"))
    throw Unsupported("RKNX files are for the RKNPU3 generation; this reads RKNPU2's RKNN files");
  if (!starts_with(file, "RKNN"))
    throw ModelError(0, "not an .rknn file: it must start with \"RKNN\", found the bytes" + quoted_start(file));
}

MiniAreas split_mini(const ByteReader& body, ByteReader& flat) {
  const auto size = [&](int i) {
    return std::uint64_t{body.get<std::uint32_t>(4 * static_cast<std::uint64_t>(i), "area size")};
  };
  const std::uint64_t flat_bytes = size(0), task_bytes = size(1), command_bytes = size(3);
  const std::uint64_t constant_bytes = size(5), generated_bytes = size(6);
  MiniAreas a;
  a.task_count = static_cast<std::uint32_t>(size(2));
  a.arena_bytes = size(4);
  std::uint64_t at = 64;
  const auto area = [&](std::uint64_t bytes, const char* what) {
    ByteReader r(body.slice(at, bytes, what), body.base() + at);
    at += bytes;
    return r;
  };
  a.tasks = area(task_bytes, "task area");
  a.commands = area(command_bytes, "command area");
  a.generated = area(generated_bytes, "generated constants");
  a.constants = area(constant_bytes, "constants");
  flat = area(flat_bytes, "FlatBuffer");
  if (at != body.size())
    throw ModelError(body.base(), "the areas add up to " + std::to_string(at) + " bytes, the body has " +
                                      std::to_string(body.size()));
  return a;
}

}  // namespace

Container open_container(std::span<const std::byte> file) {
  check_signature(file);
  const ByteReader r(file);
  Container c;
  c.version = r.get<std::uint64_t>(8, "header: format version");
  c.mini = c.version == kMiniVersion;
  if (!c.mini && (c.version == 0 || c.version > kNewestVersion))
    throw Unsupported("format version " + std::to_string(c.version) + "; versions 1 to 6 and 4100 are understood");
  const auto body_bytes = r.get<std::uint64_t>(16, "header: body size");
  const std::uint64_t body_at = c.version > 1 ? 64 : 24;
  const ByteReader body(r.slice(body_at, body_bytes, "body"), body_at);
  if (starts_with(body.bytes(), "VPMN"))
    throw Unsupported("the file is for the first NPU generation (RK1808, RV1109, RV1126); this reads RKNPU2's");

  // The JSON text behind the body repeats what the tables say. It is not read, but a file that ends in it is truncated.
  const auto tail = body_at + body_bytes;
  const auto text_bytes = r.get<std::uint64_t>(tail, "length of the JSON text");
  r.require(tail + 8, text_bytes, 1, "JSON text");

  c.flat = body;
  if (c.mini) c.areas = split_mini(body, c.flat);
  if (c.flat.slice(4, 4, "FlatBuffer identifier"), !starts_with(c.flat.bytes().subspan(4), "RKNN"))
    throw ModelError(c.flat.base() + 4, "the FlatBuffer's identifier is not \"RKNN\"");
  return c;
}

}  // namespace ez_rknn::file
