#if defined(__x86_64__)
#include "npu/ops/gemm_tile.hpp"

namespace ez_rknn::npu::ops {

const GemmTile kGemmTileAvx2 = make_gemm_tile<6, 2, 8>();

}  // namespace ez_rknn::npu::ops
#endif
