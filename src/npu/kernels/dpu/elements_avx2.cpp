#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/dpu/elements_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// One load a byte: sixteen vpshufb for 32 bytes are no faster.
void map_bytes(const std::uint8_t* table, const std::byte* from, std::byte* to, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) to[i] = std::byte{table[std::uint8_t(from[i])]};
}

}  // namespace

const ElementKernels kElementsAvx2 = {map_bytes,  i8_to_i32,  i16_to_i32, i8_to_f32,
                                      i16_to_f32, i32_to_f32, f16_to_f32, bf16_to_f32};

}  // namespace ez_rknn::npu::kernels
#endif
