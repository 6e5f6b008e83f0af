#include <string>

#include "ez_rknn/error.hpp"
#include "npu/kernels/pick.hpp"
#include "npu/kernels/pool/variants.hpp"

namespace ez_rknn::npu::kernels {
namespace {

using Made = std::unique_ptr<Pool>;

constexpr PoolVariant kVariants[] = {
    {"pool/ref", cpu::Isa::ref, make_pool_ref},
#if defined(__x86_64__)
    {"pool/avx2", cpu::Isa::avx2, [](const PoolShape& s) -> Made { return make_pool_rows(s, kPoolAvx2, "pool/avx2"); }},
    {"pool/avx512", cpu::Isa::avx512,
     [](const PoolShape& s) -> Made { return make_pool_rows(s, kPoolAvx512, "pool/avx512"); }},
#elif defined(__aarch64__)
    {"pool/neon", cpu::Isa::neon, [](const PoolShape& s) -> Made { return make_pool_rows(s, kPoolNeon, "pool/neon"); }},
#endif
};

void check(const PoolShape& s) {
  if (s.type != DType::i8 && s.type != DType::i16 && s.type != DType::f16 && s.type != DType::bf16)
    throw Unsupported(std::string("pooling over ") + name_of(s.type));
  if (s.in_h < 1 || s.in_w < 1 || s.channels < 1 || s.out_h < 1 || s.out_w < 1 || s.kernel_h < 1 || s.kernel_w < 1 ||
      s.stride_h < 1 || s.stride_w < 1 || s.dilation_h < 1 || s.dilation_w < 1 || s.pad_top < 0 || s.pad_left < 0)
    throw InvalidArgument("pooling: sizes, kernel, stride and dilation must be at least 1 and padding not negative");
}

}  // namespace

std::span<const PoolVariant> pool_variants() { return kVariants; }

std::unique_ptr<Pool> prepare_pool(const PoolShape& shape, std::optional<cpu::Isa> isa) {
  check(shape);
  return pick(pool_variants(), "pooling", isa, shape);
}

}  // namespace ez_rknn::npu::kernels
