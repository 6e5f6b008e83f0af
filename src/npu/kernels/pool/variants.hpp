#pragma once
/// The table of pooling kernels; see conv/variants.hpp.
#include <span>

#include "npu/kernels/pool/pool.hpp"
#include "npu/kernels/pool/pool_kernel.hpp"

namespace ez_rknn::npu::kernels {

struct PoolVariant {
  std::string_view name;
  cpu::Isa isa;
  /// Null when this kernel cannot do the layer exactly.
  std::unique_ptr<Pool> (*make)(const PoolShape& shape);
};

std::span<const PoolVariant> pool_variants();

std::unique_ptr<Pool> make_pool_ref(const PoolShape& shape);
std::unique_ptr<Pool> make_pool_rows(const PoolShape& shape, const PoolKernel& kernel, std::string_view name);

}  // namespace ez_rknn::npu::kernels
