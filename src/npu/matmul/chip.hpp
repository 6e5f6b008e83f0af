#pragma once
/// What a chip asks of matrices: the tiles of its native layouts and the sizes it accepts (docs/matmul.md).
#include <string_view>

#include "core/dtype.hpp"

namespace ez_rknn::npu::matmul {

/// A tile of B: `n` columns by `k` rows, the k of one column side by side.
struct Tile {
  int n = 0, k = 0;
};

struct Chip {
  std::string_view name;
  int cores;
  bool int4;       ///< int4 matrices have a layout on this chip
  int atom_bytes;  ///< A, and C of 8 and 16 bits: bytes of a row's run in the native layout
  Tile tile_i8, tile_f16, tile_i4;
  int k_segment;  ///< B's native layout begins anew every so many rows; 0: never

  /// Elements of a run of A.
  int a_unit(DType a) const;
  /// Elements of a run of C; 32-bit results come in fours on every chip.
  int c_unit(DType c) const;
  /// A's type decides, also where B has another.
  Tile b_tile(DType a) const;
};

/// @throws InvalidArgument for a name that is not a chip with published layouts; lists those
const Chip& find_chip(std::string_view name);

}  // namespace ez_rknn::npu::matmul
