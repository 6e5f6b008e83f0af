#pragma once
/// Included after one of simd/*.hpp.
#include "npu/kernels/dpu/elements.hpp"

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

}  // namespace
}  // namespace ez_rknn::npu::kernels
