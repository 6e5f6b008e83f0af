#pragma once
/// Included after one of simd/*.hpp.
#include <cstring>

#include "npu/kernels/halves.hpp"

namespace ez_rknn::npu::kernels {
namespace {

inline void widen_halves(const std::byte* from, float* to, std::size_t n) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store_real(to + i, load_f16(from + i * 2));
  if (i == n) return;
  std::byte halves[32] = {};
  float floats[16];
  std::memcpy(halves, from + i * 2, (n - i) * 2);
  store_real(floats, load_f16(halves));
  std::memcpy(to + i, floats, (n - i) * 4);
}

inline void narrow_to_halves(const float* from, std::byte* to, std::size_t n) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store_f16(to + i * 2, load_real(from + i));
  if (i == n) return;
  float floats[16] = {};
  std::byte halves[32];
  std::memcpy(floats, from + i, (n - i) * 4);
  store_f16(halves, load_real(floats));
  std::memcpy(to + i * 2, halves, (n - i) * 2);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
