#if defined(__x86_64__)
#include "npu/ops/gemm_tile.hpp"

namespace ez_rknn::npu::ops {

const GemmTile kGemmTileAvx512 = make_gemm_tile<8, 2, 16>();

}  // namespace ez_rknn::npu::ops
#endif
