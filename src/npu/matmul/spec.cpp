#include "npu/matmul/spec.hpp"

#include <limits>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::matmul {
namespace {

void check_size(const char* name, std::int32_t value, int multiple, const Chip& chip, DType type) {
  if (value > 0 && value % multiple == 0) return;
  throw InvalidArgument(std::string("matmul: ") + name + " is " + std::to_string(value) + "; accepted for " +
                        name_of(type) + " on " + std::string(chip.name) + ": positive multiples of " +
                        std::to_string(multiple));
}

std::uint64_t elements_of(const Shape& s, Matrix which) {
  const auto m = static_cast<std::uint64_t>(s.m), k = static_cast<std::uint64_t>(s.k);
  const auto n = static_cast<std::uint64_t>(s.n);
  return which == Matrix::a ? m * k : which == Matrix::b ? k * n : m * n;
}

}  // namespace

std::string to_string(const Shape& s) {
  return std::to_string(s.m) + "x" + std::to_string(s.k) + "x" + std::to_string(s.n);
}

void check(const Chip& chip, const Spec& spec, const Shape& shape) {
  const Types& t = spec.types;
  if (!chip.int4 && (t.a == DType::i4 || t.b == DType::i4))
    throw InvalidArgument("matmul: " + std::string(name_of(t.a)) + " by " + name_of(t.b) + " on " +
                          std::string(chip.name) + "; int4 is accepted on rk3588 and rk3576");
  const Tile tile = chip.b_tile(t.a);
  if (shape.m < 1) throw InvalidArgument("matmul: M is " + std::to_string(shape.m) + "; accepted: 1 and more");
  check_size("K", shape.k, tile.k, chip, t.a);
  check_size("N", shape.n, tile.n, chip, t.a);
  for (const Matrix which : {Matrix::a, Matrix::b, Matrix::c})
    if (bytes_of(spec, shape, which) > std::numeric_limits<std::int32_t>::max())
      throw InvalidArgument("matmul: shape " + to_string(shape) + " has a matrix of " +
                            std::to_string(bytes_of(spec, shape, which)) + " bytes; accepted: below 2147483648");
  if (is_float(t.b) && (spec.granularity != Granularity::per_layer || spec.b_asymmetric))
    throw InvalidArgument(std::string("matmul: quantisation of a ") + name_of(t.b) +
                          " B; accepted: per layer, symmetric");
  if (spec.granularity == Granularity::per_group &&
      (spec.group < 32 || spec.group % 32 != 0 || shape.k % spec.group != 0))
    throw InvalidArgument("matmul: group size " + std::to_string(spec.group) + " for K " + std::to_string(shape.k) +
                          "; accepted: multiples of 32 that divide K");
}

Dims dims_of(const Chip& chip, const Spec& spec, const Shape& s, Matrix which) {
  if (which == Matrix::b) {
    if (spec.b_layout == Layout::normal) return {s.k, s.n};
    if (spec.b_layout == Layout::transposed) return {s.n, s.k};
    const Tile tile = chip.b_tile(spec.types.a);
    return {s.n / tile.n, s.k / tile.k, tile.n, tile.k};
  }
  const std::int32_t columns = which == Matrix::a ? s.k : s.n;
  if (!spec.ac_native) return {s.m, columns};
  const int unit = which == Matrix::a ? chip.a_unit(spec.types.a) : chip.c_unit(spec.types.c);
  return {columns / unit, s.m, unit};
}

std::uint64_t bytes_of(const Spec& spec, const Shape& shape, Matrix which) {
  return bytes_of(spec.type(which), elements_of(shape, which));
}

}  // namespace ez_rknn::npu::matmul
