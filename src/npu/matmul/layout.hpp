#pragma once
/// Matrices between the layouts a caller may use and the plain ones computed with. int4 is widened to int8; of two int4
/// in a byte the one with the even index is the low nibble.
#include <cstddef>
#include <cstdint>

#include "npu/matmul/spec.hpp"

namespace ez_rknn::npu::matmul {

/// Rows [first, end) of A, as [row][K] from row `first` on: int8 for integers, float16 as it is.
void rows_of(const Chip& chip, const Spec& spec, const Shape& shape, const std::byte* a, int first, int end,
             std::byte* rows);

/// Columns [first, end) of B, as [column][K] from column `first` on: int8 for integers, float16 as it is. `first` and
/// `end` are multiples of the tile's columns.
void columns_of(const Chip& chip, const Spec& spec, const Shape& shape, const std::byte* b, int first, int end,
                std::byte* columns);

/// One finished row of C, elements of type types.c, to its place.
void store_row(const Chip& chip, const Spec& spec, const Shape& shape, int m, const std::byte* row, std::byte* c);

/// B from [K,N], or from [N,K] when spec.b_layout is transposed, to the native layout.
void to_native(const Chip& chip, const Spec& spec, const Shape& shape, const std::byte* in, std::byte* out);

}  // namespace ez_rknn::npu::matmul
