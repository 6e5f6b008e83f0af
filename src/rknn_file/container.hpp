#pragma once
/// The outermost layer of a file: header, body, tail.
#include "core/byte_reader.hpp"

namespace ez_rknn::file {

/// RV1103/RV1106 files (version 0x1004) keep tasks, commands and constants beside the FlatBuffer, not inside.
struct MiniAreas {
  ByteReader tasks, commands, generated, constants;
  std::uint32_t task_count = 0;
  std::uint64_t arena_bytes = 0;
};

struct Container {
  std::uint64_t version = 0;
  ByteReader flat;  ///< the FlatBuffer
  bool mini = false;
  MiniAreas areas;  ///< only when `mini`
};

/// @throws ModelError   not an .rknn file, truncated, sizes that contradict each other
/// @throws Unsupported  encrypted files, files of the first and third NPU generation, unknown versions
Container open_container(std::span<const std::byte> file);

}  // namespace ez_rknn::file
