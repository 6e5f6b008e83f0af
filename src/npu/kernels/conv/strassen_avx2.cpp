#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/strassen_loops.hpp"

namespace ez_rknn::npu::kernels {

const StrassenKernel kStrassenI8Avx2 = {&kDenseI8Avx2, strassen_input, strassen_output};

}  // namespace ez_rknn::npu::kernels
#endif
