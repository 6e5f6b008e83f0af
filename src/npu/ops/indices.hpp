#pragma once
/// Index tensors: constants are checked at load, what comes with a run is clamped, so that no value reads or writes
/// outside a tensor.
#include "core/aligned.hpp"
#include "npu/ops/check.hpp"
#include "npu/ops/copy.hpp"

namespace ez_rknn::npu::ops {

/// -1 is the last of `dim` elements; beyond both ends the nearest one. `dim` is at least 1.
inline std::int64_t wrapped(std::int64_t index, std::int64_t dim) {
  if (index < 0) index += dim;
  return index < 0 ? 0 : index >= dim ? dim - 1 : index;
}

/// @throws ModelError when operand `i` is a constant with an index outside -dim..dim-1
void check_indices(const Checked& node, int i, std::int64_t dim);
/// The same for tuples of indices: the last dimension of operand `i` walks over `dims`.
void check_index_tuples(const Checked& node, int i, std::span<const std::int64_t> dims);

inline std::size_t indices_bytes(const Meta& m) { return static_cast<std::size_t>(m.shape.elements()) * 8; }
/// All indices in row-major order. `scratch` is indices_bytes() large.
std::span<const std::int64_t> read_indices(const ConstTensorView& view, std::span<std::byte> scratch);

/// A dense copy of `view` stored as `like` stores; in scratch memory of dense_bytes().
TensorView dense_like(const ConstTensorView& view, DType dtype, Quant quant, std::span<std::byte> scratch);
inline std::size_t dense_bytes(const Dims& shape, DType type) {
  return whole_lines(static_cast<std::size_t>(shape.elements()) * size_of(type));
}

/// Moves single elements that are stored alike.
inline void copy_element(const ConstTensorView& from, std::ptrdiff_t at, const TensorView& to, std::ptrdiff_t to_at) {
  switch (size_of(from.dtype)) {
    case 1: to.as<std::uint8_t>()[to_at] = from.as<std::uint8_t>()[at]; return;
    case 2: to.as<std::uint16_t>()[to_at] = from.as<std::uint16_t>()[at]; return;
    case 4: to.as<std::uint32_t>()[to_at] = from.as<std::uint32_t>()[at]; return;
    default: to.as<std::uint64_t>()[to_at] = from.as<std::uint64_t>()[at]; return;
  }
}

}  // namespace ez_rknn::npu::ops
