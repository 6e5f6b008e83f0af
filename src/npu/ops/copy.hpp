#pragma once
/// Data movement: numbers go as they are stored when both sides store alike, else by value.
#include "npu/ops/nest.hpp"
#include "npu/ops/rows.hpp"

namespace ez_rknn::npu::ops {

/// Copies along a nest of two operands, source and destination. The shapes of the views do not matter here, only their
/// pointers, types and quantisation. `nest` need not be tidy.
void copy(const ConstTensorView& from, const TensorView& to, Nest<2> nest);

/// Every element of `from`, broadcast to the shape of `to`.
void copy(const ConstTensorView& from, const TensorView& to);

/// The same numbers in the same row-major order under another shape, both views with any strides.
/// `scratch` is reshape_scratch_bytes() large.
void reshape(const ConstTensorView& from, const TensorView& to, std::span<std::byte> scratch);
/// Room for one dense copy when the two shapes cannot be walked in one nest whatever the strides; else 0.
std::size_t reshape_scratch_bytes(const Dims& from, const Dims& to, DType type);

/// One value everywhere.
void fill(const TensorView& to, double value);

/// The element at `offset` and what follows, under the same strides.
template <class Byte>
BasicTensorView<Byte> shifted(BasicTensorView<Byte> view, std::ptrdiff_t offset) {
  if (view.data) view.data += offset * static_cast<std::ptrdiff_t>(size_of(view.dtype));
  return view;
}

}  // namespace ez_rknn::npu::ops
