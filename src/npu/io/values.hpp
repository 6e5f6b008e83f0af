#pragma once
/// Runs of elements of any type to real numbers and back. Everything that converts goes through these two, so all
/// paths agree bit for bit.
#include <cstddef>

#include "core/dtype.hpp"
#include "core/tensor_view.hpp"

namespace ez_rknn::npu::io {

/// The arithmetic is float32, and double where one side has 32-bit or wider integers (float32 could not hold them).
constexpr bool is_wide(DType t) { return t == DType::i32 || t == DType::u32 || t == DType::i64 || t == DType::u64; }

/// n elements, `stride` elements apart, as they are (no scale or zero point).
template <class Real>
using Loader = void (*)(const std::byte* from, std::ptrdiff_t stride, std::size_t n, Real* to);
/// n elements side by side. Integers: clamp(rint(x / scale) + zero_point), halves to even, NaN gives the least value.
/// bool: x != 0. Floats: x.
template <class Real>
using Storer = void (*)(const Real* from, std::size_t n, Quant quant, std::byte* to);

/// nullptr for i4, whose elements have no address.
template <class Real>
Loader<Real> loader(DType type);
template <class Real>
Storer<Real> storer(DType type);

}  // namespace ez_rknn::npu::io
