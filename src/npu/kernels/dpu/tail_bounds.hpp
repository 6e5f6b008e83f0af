#pragma once
/// Interval arithmetic over a DPU layer: how large its intermediate values can get.
#include <cstddef>

#include "npu/kernels/dpu/layer.hpp"

namespace ez_rknn::npu::kernels {

struct Interval {
  double lo = 0, hi = 0;
};

/// Whether every intermediate value of channel `c`, products before their shift included, stays below 2^51 when the
/// accumulator (or source element) is in `v`: double precision then computes the integer pipeline exactly.
bool exact_in_double(const DpuLayer& layer, std::size_t c, Interval v);

}  // namespace ez_rknn::npu::kernels
