#pragma once
/// C = A * B in float, for the operators that multiply two computed matrices. Both operands are packed into panels
/// first, which is also where their types and strides end.
#include "npu/ops/copy.hpp"

namespace ez_rknn::npu::ops {

/// A matrix inside a tensor: element (i, j) at offset + i * row + j * column of `view`.
struct Matrix {
  ConstTensorView view;
  std::ptrdiff_t offset = 0, row = 0, column = 0;
};

/// Scratch of one multiplication of [m, k] by [k, n].
std::size_t gemm_bytes(std::int64_t m, std::int64_t n, std::int64_t k);

/// c[m][n], dense. `scratch` is gemm_bytes() large and 64-byte aligned.
void gemm(const Matrix& a, const Matrix& b, std::int64_t m, std::int64_t n, std::int64_t k, float* c,
          std::span<std::byte> scratch);

}  // namespace ez_rknn::npu::ops
