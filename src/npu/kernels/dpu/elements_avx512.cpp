#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/dpu/elements_loops.hpp"

namespace ez_rknn::npu::kernels {

const ElementKernels kElementsAvx512 = {i8_to_i32,  i16_to_i32, i8_to_f32,   i16_to_f32,
                                        i32_to_f32, f16_to_f32, bf16_to_f32, sum_i8};

}  // namespace ez_rknn::npu::kernels
#endif
