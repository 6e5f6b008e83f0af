#pragma once
/// A matrix multiplication C[M,N] = A[M,K] B[K,N] as a caller describes it, and what follows from the description.
#include <cstdint>
#include <string>

#include "core/dtype.hpp"
#include "core/tensor_view.hpp"
#include "npu/matmul/chip.hpp"

namespace ez_rknn::npu::matmul {

enum class Matrix : std::uint8_t { a, b, c };
/// `transposed` is B as [N,K].
enum class Layout : std::uint8_t { normal, native, transposed };
/// One scale (and zero point) for all of B, for a column, or for `group` rows of a column.
enum class Granularity : std::uint8_t { per_layer, per_channel, per_group };

struct Types {
  DType a, b, c;
};

struct Shape {
  std::int32_t m = 0, k = 0, n = 0;
  bool operator==(const Shape&) const = default;
};
/// "4x64x32" (M, K, N)
std::string to_string(const Shape& shape);

struct Spec {
  Types types{DType::f16, DType::f16, DType::f32};
  Layout b_layout = Layout::normal;
  bool ac_native = false;
  Granularity granularity = Granularity::per_layer;
  bool b_asymmetric = false, ac_asymmetric = false;
  int group = 0;  ///< per_group: rows of B that share a scale

  DType type(Matrix m) const { return m == Matrix::a ? types.a : m == Matrix::b ? types.b : types.c; }
};

/// @throws InvalidArgument with the value and what the chip accepts
void check(const Chip& chip, const Spec& spec, const Shape& shape);

/// Dimensions and bytes of a matrix in memory; the shape has been checked.
Dims dims_of(const Chip& chip, const Spec& spec, const Shape& shape, Matrix which);
std::uint64_t bytes_of(const Spec& spec, const Shape& shape, Matrix which);

/// Bytes of `elements`, two int4 to a byte.
constexpr std::uint64_t bytes_of(DType type, std::uint64_t elements) {
  return type == DType::i4 ? (elements + 1) / 2 : elements * size_of(type);
}

}  // namespace ez_rknn::npu::matmul
