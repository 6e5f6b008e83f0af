#include "npu/ops/indices.hpp"

namespace ez_rknn::npu::ops {

void check_index_tuples(const Checked& node, int i, std::span<const std::int64_t> dims) {
  if (!node.is_constant(i) || dims.empty()) return;
  const auto values = node.integers(i, "indices");
  for (std::size_t k = 0; k < values.size(); ++k) {
    const std::int64_t dim = dims[k % dims.size()];
    if (values[k] < -dim || values[k] >= dim)
      node.wrong("has index " + std::to_string(values[k]) + " for an axis of " + std::to_string(dim));
  }
}

void check_indices(const Checked& node, int i, std::int64_t dim) { check_index_tuples(node, i, {&dim, 1}); }

std::span<const std::int64_t> read_indices(const ConstTensorView& view, std::span<std::byte> scratch) {
  const TensorView dense = dense_like(view, DType::i64, {}, scratch);
  return {dense.as<std::int64_t>(), static_cast<std::size_t>(view.shape.elements())};
}

TensorView dense_like(const ConstTensorView& view, DType dtype, Quant quant, std::span<std::byte> scratch) {
  const TensorView dense{scratch.data(), dtype, view.shape, dense_strides(view.shape), quant};
  copy(view, dense);
  return dense;
}

}  // namespace ez_rknn::npu::ops
