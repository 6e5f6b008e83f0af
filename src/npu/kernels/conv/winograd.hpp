#pragma once
/// 3x3 convolution by Winograd's F(2x2, 3x3): a half of the multiplications; with stride 2
/// seven in ten. Halves' weights are kept transformed, 16/9 or 25/9 as many; int8's as they are. Over f16, all sums are
/// f32; where the direct form rounds in proportion to a window's products, this rounds in proportion to those of all
/// pixels of its tile. Over int8 the transforms are integers: exact.
#include "npu/kernels/conv/variants.hpp"
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {

struct WinogradVariant {
  std::string_view name;
  ConvInput input;
  const WinogradKernel* kernel;
  cpu::Isa isa;
};

/// Null for other convolutions, and for weights whose transform int16 does not hold. `variant` must outlive the result.
std::unique_ptr<Conv> make_winograd(const ConvJob& job, const WinogradVariant& variant);

/// Whether it is quicker than the direct form, and than smaller tiles, and weights that are kept transformed take an
/// acceptable amount of memory.
bool worth_winograd(const ConvJob& job, const WinogradVariant& variant);

}  // namespace ez_rknn::npu::kernels
