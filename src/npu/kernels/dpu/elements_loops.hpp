#pragma once
/// Included after one of simd/*.hpp.
#include "npu/kernels/dpu/elements.hpp"
#include "npu/kernels/dpu/tail_exact.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <class Body>
void sixteens(const std::byte* from, std::size_t from_size, std::byte* to, std::size_t n, Body body) {
  for (std::size_t i = 0; i < n; i += 16) body(from + i * from_size, to + i * 4);
}

void i8_to_i32(const std::byte* from, std::byte* to, std::size_t n) {
  sixteens(from, 1, to, n, [](const std::byte* x, std::byte* y) { store_int(y, load_i8(x)); });
}
void i16_to_i32(const std::byte* from, std::byte* to, std::size_t n) {
  sixteens(from, 2, to, n, [](const std::byte* x, std::byte* y) { store_int(y, load_i16(x)); });
}
void i8_to_f32(const std::byte* from, std::byte* to, std::size_t n) {
  sixteens(from, 1, to, n, [](const std::byte* x, std::byte* y) { store_real(y, to_real(load_i8(x))); });
}
void i16_to_f32(const std::byte* from, std::byte* to, std::size_t n) {
  sixteens(from, 2, to, n, [](const std::byte* x, std::byte* y) { store_real(y, to_real(load_i16(x))); });
}
void i32_to_f32(const std::byte* from, std::byte* to, std::size_t n) {
  sixteens(from, 4, to, n, [](const std::byte* x, std::byte* y) {
    store_real(y, to_real(load_int(reinterpret_cast<const std::int32_t*>(x))));
  });
}
void bf16_to_f32(const std::byte* from, std::byte* to, std::size_t n) {
  sixteens(from, 2, to, n, [](const std::byte* x, std::byte* y) { store_real(y, load_bf16(x)); });
}
void f16_to_f32(const std::byte* from, std::byte* to, std::size_t n) {
  sixteens(from, 2, to, n, [](const std::byte* x, std::byte* y) { store_real(y, load_f16(x)); });
}

void sum_i8(const ByteSum& sum, const SumRuns& runs) {
  const ByteSum s = sum;  // copies, which stores cannot change
  SumRuns r = runs;
  // As they are added: a fused multiply-add onto kMagic rounds an exact product to an integer, halves to even.
  const Real magic = splat(kMagic);
  const auto sixteen = [&](std::size_t i) {
    const Real x = multiply_add(to_real(load_i8(r.a + i)), splat(s.scale), splat(s.bias));
    const Real moved = to_real(load_i8(r.b + i)) + splat(s.operand_offset);
    const Real y = multiply_add(moved, splat(s.operand_scale), magic) - magic;
    return bits_of(multiply_add(x + y, splat(s.out_scale), magic)) + splat(s.offset - kMagicBits);
  };
  for (; r.count > 0; --r.count, r.a += r.a_step, r.b += r.b_step, r.to += r.to_step) {
    std::size_t i = 0;
    for (; i + 16 * kStoredPixels <= r.bytes; i += 16 * kStoredPixels) {
      Int q[kStoredPixels];
#pragma GCC unroll 4
      for (int k = 0; k < kStoredPixels; ++k) q[k] = sixteen(i + 16 * std::size_t(k));
      store_i8(r.to + i, 16, q);
    }
    for (; i < r.bytes; i += 16) store_i8(r.to + i, sixteen(i));
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
