#pragma once
/// Functions of one byte, looked up in a table of their 256 results. Plain data only: files of every instruction set
/// include this.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

/// `count` runs of `bytes` bytes, a run's first byte `from_step` and `to_step` bytes behind that of the run before.
/// Any alignment; `to` and `from` are one, with the same steps, or do not overlap.
struct ByteRuns {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t bytes = 0;
  std::size_t count = 1;
  std::ptrdiff_t from_step = 0, to_step = 0;
};

/// to[i] = table[from[i]], the index being the byte as unsigned; nothing beside the runs is written.
using MapBytes = void (*)(const std::uint8_t* table, const ByteRuns& runs);

/// The quickest one this machine has. Safe from any thread.
MapBytes map_bytes();

#if defined(__x86_64__)
extern const MapBytes kMapBytesAvx2, kMapBytesAvx512;
#elif defined(__aarch64__)
extern const MapBytes kMapBytesNeon;
#endif

}  // namespace ez_rknn::npu::kernels
