#pragma once
/// Runs of elements on their way through element-wise layers. Plain data only: files of every instruction set include
/// this.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

/// `n` elements, a multiple of 16.
using Widen = void (*)(const std::byte* from, std::byte* to, std::size_t n);

struct ElementKernels {
  Widen i8_to_i32, i16_to_i32;
  Widen i8_to_f32, i16_to_f32, i32_to_f32, f16_to_f32, bf16_to_f32;
};

#if defined(__x86_64__)
extern const ElementKernels kElementsAvx2, kElementsAvx512;
#elif defined(__aarch64__)
extern const ElementKernels kElementsNeon;
#endif

}  // namespace ez_rknn::npu::kernels
