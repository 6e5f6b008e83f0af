#pragma once
/// Included after one of simd/*.hpp.
#include "npu/kernels/conv/strassen_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

inline void strassen_input(const StrassenInput& s) {
  std::byte* to = s.to;
  const std::byte *left = s.left, *right = s.right;
  for (int p = 0; p < s.pixels; ++p, left += s.pixel, right += s.pixel)
    for (int c = 0; c < s.channels; c += 16, to += 32) {
      const Shorts a11 = widen_i8(left + c), a12 = widen_i8(left + s.channels + c);
      const Shorts a21 = widen_i8(right + c), a22 = widen_i8(right + s.channels + c);
      store_short(to, a11 + a22);
      store_short(to + s.product, a21 + a22);
      store_short(to + 2 * s.product, a11);
      store_short(to + 3 * s.product, a22);
      store_short(to + 4 * s.product, a11 + a12);
      store_short(to + 5 * s.product, a21 - a11);
      store_short(to + 6 * s.product, a12 - a22);
    }
}

inline void strassen_output(const StrassenOutput& s) {
  std::byte* at = s.products;
  const auto load = [](const std::byte* p) { return load_int(reinterpret_cast<const std::int32_t*>(p)); };
  for (int p = 0; p < s.pixels; ++p, at += 64) {
    const Int m0 = load(at), m1 = load(at + s.product), m2 = load(at + 2 * s.product), m3 = load(at + 3 * s.product);
    const Int m4 = load(at + 4 * s.product);
    store_int(at + 6 * s.product, m0 + m3 - m4 + load(at + 6 * s.product));
    store_int(at + 4 * s.product, m2 + m4);
    store_int(at + 3 * s.product, m1 + m3);
    store_int(at + 5 * s.product, m0 - m1 + m2 + load(at + 5 * s.product));
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
