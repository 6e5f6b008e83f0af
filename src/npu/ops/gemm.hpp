#pragma once
/// C = A * B in float, for the operators that multiply two computed matrices. Both operands are packed into panels
/// first, which is also where their types and strides end.
#include "npu/ops/copy.hpp"
#include "npu/ops/gemm_tile.hpp"

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

/// What gemm() is made of, for operators that keep an operand packed: the best tile this CPU and EZ_RKNN_ISA allow,
const GemmTile& gemm_tile_in_use();
/// and panels of `unit` lines with the k elements of each beside one another: panel[p][k][line]. Lines beyond the last
/// are 0. Rows of A are lines, in panels of the tile's rows, and columns of B, in panels of the tile's columns.
void pack_panels(const ConstTensorView& from, std::int64_t lines, std::ptrdiff_t line_step, std::int64_t k,
                 std::ptrdiff_t k_step, std::int64_t unit, float* to);
std::size_t panels_bytes(std::int64_t lines, std::int64_t k, std::int64_t unit);  ///< a multiple of 64

}  // namespace ez_rknn::npu::ops
