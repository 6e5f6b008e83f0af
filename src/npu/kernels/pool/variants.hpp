#pragma once
/// The table of pooling kernels; see conv/variants.hpp.
#include <span>

#include "npu/kernels/pool/pool.hpp"

namespace ez_rknn::npu::kernels {

struct PoolVariant {
  std::string_view name;
  cpu::Isa isa;
  std::unique_ptr<Pool> (*make)(const PoolShape& shape);
};

std::span<const PoolVariant> pool_variants();

std::unique_ptr<Pool> make_pool_ref(const PoolShape& shape);

}  // namespace ez_rknn::npu::kernels
