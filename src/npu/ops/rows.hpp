#pragma once
/// Numbers out of tensors and back. A row is n elements of a view, `stride` elements apart, from element `at` on; in
/// memory it has the view's type, in the hands of an operator it is float, double or std::int64_t.
#include <cstddef>
#include <cstdint>

#include "core/tensor_view.hpp"

namespace ez_rknn::npu::ops {

/// Operators work on pieces of at most this many elements, so that their buffers can live on the stack.
constexpr int kRow = 256;

/// real = (q - zero_point) * scale for integers (a plain integer has scale 1 and zero point 0), the value for floats.
/// As int64: plain integers exactly, anything else truncated toward zero (NaN is 0).
template <class T>
void load_row(const ConstTensorView& from, std::ptrdiff_t at, std::ptrdiff_t stride, std::int64_t n, T* to);

/// q = clamp(rint(x / scale) + zero_point), halves to even, NaN to the zero point. Plain 32- and 64-bit integers, which
/// are indices and counts, truncate toward zero instead; a boolean is x != 0. f16 saturates at 65504 and keeps NaN.
template <class T>
void store_row(const TensorView& to, std::ptrdiff_t at, std::ptrdiff_t stride, std::int64_t n, const T* from);

/// An integer that means itself: indices, shapes, truth values.
inline bool is_plain_integer(DType type, Quant quant) { return !is_float(type) && quant == Quant{}; }

/// True when numbers can be copied as they are stored.
inline bool stored_alike(DType a, Quant qa, DType b, Quant qb) { return a == b && (is_float(a) || qa == qb); }

/// Any number to the nearest int64 toward zero, NaN to 0.
inline std::int64_t to_int64(double x) {
  if (!(x == x)) return 0;
  if (x >= 9223372036854775807.0) return INT64_MAX;
  if (x <= -9223372036854775808.0) return INT64_MIN;
  return static_cast<std::int64_t>(x);
}

}  // namespace ez_rknn::npu::ops
