#pragma once
/// Dense convolution: which inner loop, fed how, followed by which tail.
#include "npu/kernels/conv/dense_kernel.hpp"
#include "npu/kernels/conv/stage_copy.hpp"
#include "npu/kernels/conv/variants.hpp"

namespace ez_rknn::npu::kernels {

struct DenseVariant {
  std::string_view name;
  ConvInput input;
  const DenseKernel* kernel;
  const StageFormat* format;
  cpu::Isa isa;
  bool (*worth)(const ConvJob&) = nullptr;  ///< as ConvVariant has it
};

/// Null when the variant cannot do the layer exactly. `variant` must outlive the result.
std::unique_ptr<Conv> make_dense(const ConvJob& job, const DenseVariant& variant);

/// Whether weights of halves are better left so by loops that lose an eighth of their speed to conversions: where they
/// are too many to stay in L2, they come from memory in each run.
bool worth_halves(const ConvJob& job);

}  // namespace ez_rknn::npu::kernels
