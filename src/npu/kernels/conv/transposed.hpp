#pragma once
/// Transposed convolution without the pixels that spreading inserts: outputs that lie `insert` apart meet the same taps
/// of the kernel, and each such grid is a plain convolution of the input as it is.
#include <optional>

#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

/// Null when nothing is inserted, when a grid would meet no tap at all, or when what the inserted pixels add (they hold
/// the padding value) fits no constant of the DPU. The reference is never taken apart.
std::unique_ptr<Conv> make_transposed(const ConvJob& job, std::optional<cpu::Isa> isa);

}  // namespace ez_rknn::npu::kernels
