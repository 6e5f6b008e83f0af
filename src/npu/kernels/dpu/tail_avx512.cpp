#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/dpu/tail_exact.hpp"
#include "npu/kernels/dpu/tail_real.hpp"

#include "npu/kernels/dpu/tail_affine.hpp"
#include "npu/kernels/dpu/tail_fused.hpp"
#include "npu/kernels/dpu/tail_mended.hpp"
#include "npu/kernels/dpu/tail_whole.hpp"

#include "npu/kernels/dpu/tail_bytes.hpp"
#include "npu/kernels/dpu/tail_floors_avx512.hpp"
#include "npu/kernels/dpu/tail_linear.hpp"
#include "npu/kernels/dpu/tail_positions.hpp"

#include "npu/kernels/dpu/tail_steps_avx512.hpp"

#include "npu/kernels/dpu/tail_variants.hpp"

namespace ez_rknn::npu::kernels {

const TailKernels kTailAvx512 = {tail_exact,        tail_real,        tail_fused,
                                 tail_whole,        tail_mended,      true,
                                 tail_affine,       tail_bytes,       tail_steps<FourPixels>,
                                 nullptr,           kTableEntries,    0,
                                 tail_linear,       tail_linear_bias, tail_linear_add,
                                 tail_linear_table, tail_floors};

}  // namespace ez_rknn::npu::kernels
#endif
