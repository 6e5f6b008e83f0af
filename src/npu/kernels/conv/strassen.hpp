#pragma once
/// 1x1 convolution of int8 by Strassen's seven products in the place of eight, exact in integers: an eighth of the
/// multiplications less, for 7/4 of the weights.
#include "npu/kernels/conv/strassen_kernel.hpp"
#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

struct StrassenVariant {
  std::string_view name;
  ConvInput input;
  const StrassenKernel* kernel;
  cpu::Isa isa;
};

/// Null for other convolutions, channels that are not multiples of 32, and weights whose sums int16 does not hold.
/// `variant` must outlive the result.
std::unique_ptr<Conv> make_strassen(const ConvJob& job, const StrassenVariant& variant);

/// Whether it is quicker than the direct form.
bool worth_strassen(const ConvJob& job);

}  // namespace ez_rknn::npu::kernels
