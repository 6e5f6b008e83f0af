#include "npu/kernels/byte_map.hpp"

#include "core/cpu.hpp"

namespace ez_rknn::npu::kernels {
namespace {

void map_bytes_ref(const std::uint8_t* table, const ByteRuns& runs) {
  const std::byte* from = runs.from;
  std::byte* to = runs.to;
  for (std::size_t r = 0; r < runs.count; ++r, from += runs.from_step, to += runs.to_step)
    for (std::size_t i = 0; i < runs.bytes; ++i) to[i] = std::byte{table[std::uint8_t(from[i])]};
}

MapBytes choose() {
#if defined(__x86_64__)
  if (cpu::allows(cpu::Isa::avx512)) return kMapBytesAvx512;
  if (cpu::allows(cpu::Isa::avx2)) return kMapBytesAvx2;
#elif defined(__aarch64__)
  if (cpu::allows(cpu::Isa::neon)) return kMapBytesNeon;
#endif
  return map_bytes_ref;
}

}  // namespace

MapBytes map_bytes() {
  static const MapBytes chosen = choose();
  return chosen;
}

}  // namespace ez_rknn::npu::kernels
