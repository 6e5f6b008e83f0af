#pragma once
/// The table of convolution kernels. `prepare_conv` takes the last entry that is allowed here and accepts the layer;
/// tests and benchmarks walk it.
#include <span>

#include "npu/kernels/conv/conv.hpp"

namespace ez_rknn::npu::kernels {

/// What a variant is asked to prepare; checked before.
struct ConvJob {
  const ConvShape& shape;
  ConvInput input;
  const ConvWeights& weights;
  const DpuLayer& tail;
};

struct ConvVariant {
  std::string_view name;  ///< "conv_i8/avx512vnni"
  cpu::Isa isa;
  /// Null when this kernel cannot do the layer exactly.
  std::unique_ptr<Conv> (*make)(const ConvJob& job);
  /// Whether it is preferred to those before it for this layer; null: always.
  bool (*worth)(const ConvJob& job) = nullptr;
};

/// In rising order of preference.
std::span<const ConvVariant> conv_variants();

std::unique_ptr<Conv> make_conv_ref(const ConvJob& job);

}  // namespace ez_rknn::npu::kernels
