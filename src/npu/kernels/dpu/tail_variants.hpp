#pragma once
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {

/// One instruction set's loops over a block of accumulators.
struct TailKernels {
  TailFunction exact;  ///< integers, proved to stay below 2^51 (tail_bounds.hpp)
  TailFunction real;
};

#if defined(__x86_64__)
extern const TailKernels kTailAvx2, kTailAvx512;
#elif defined(__aarch64__)
extern const TailKernels kTailNeon;
#endif

}  // namespace ez_rknn::npu::kernels
