#pragma once
/// Runs of elements on their way through element-wise layers. Plain data only: files of every instruction set include
/// this.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

/// `n` elements, a multiple of 16.
using Widen = void (*)(const std::byte* from, std::byte* to, std::size_t n);

/// Of two elements of int8, a and b: the nearest integer, halves to even, of
///   (a * scale + bias + nearest integer, halves to even, of (b + operand_offset) * operand_scale) * out_scale
/// plus offset, saturated. All but the two that are rounded have to be integers that f32 holds, those below 2^22.
struct ByteSum {
  float scale = 1, bias = 0;
  float operand_offset = 0, operand_scale = 1;
  float out_scale = 1;
  std::int32_t offset = 0;
};
/// `count` runs of `bytes` elements, a multiple of 16, a run's first one so many bytes behind that of the run before.
struct SumRuns {
  const std::byte *a = nullptr, *b = nullptr;
  std::byte* to = nullptr;
  std::size_t bytes = 0, count = 1;
  std::ptrdiff_t a_step = 0, b_step = 0, to_step = 0;
};
using SumBytes = void (*)(const ByteSum& sum, const SumRuns& runs);

struct ElementKernels {
  Widen i8_to_i32, i16_to_i32;
  Widen i8_to_f32, i16_to_f32, i32_to_f32, f16_to_f32, bf16_to_f32;
  SumBytes sum_i8;
};

#if defined(__x86_64__)
extern const ElementKernels kElementsAvx2, kElementsAvx512;
#elif defined(__aarch64__)
extern const ElementKernels kElementsNeon;
#endif

}  // namespace ez_rknn::npu::kernels
