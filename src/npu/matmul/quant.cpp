#include "npu/matmul/quant.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::matmul {
namespace {

std::string subject(Matrix which) { return std::string("matmul: quantisation of ") + "ABC"[static_cast<int>(which)]; }

void check_length(Matrix which, const char* what, std::size_t given, std::size_t table) {
  if (given == 1 || given == table) return;
  throw InvalidArgument(subject(which) + " with " + std::to_string(given) + " " + what + "; accepted: 1" +
                        (table == 1 ? "" : " or " + std::to_string(table)));
}

}  // namespace

void Quantisation::set(Matrix which, std::span<const float> scale, std::span<const std::int32_t> zero_point) {
  const bool is_b = which == Matrix::b;
  const bool whole = !is_b || spec_.granularity == Granularity::per_layer;
  const std::int64_t rows = spec_.granularity == Granularity::per_group ? groups_ : 1;
  const auto size = whole ? 1 : static_cast<std::size_t>(columns_ * rows);
  check_length(which, "scales", scale.size(), size);
  if (!zero_point.empty()) check_length(which, "zero points", zero_point.size(), size);

  const DType type = spec_.type(which);
  const bool fixed = is_float(type) || (which == Matrix::c && type != DType::i8);
  for (const float s : scale) {
    if (!std::isfinite(s) || s <= 0 || (fixed && s != 1))
      throw InvalidArgument(subject(which) + ": scale " + std::to_string(s) + "; accepted for " + name_of(type) + ": " +
                            (fixed ? "1" : "finite and above 0"));
  }
  const bool asymmetric = !fixed && (is_b ? spec_.b_asymmetric : spec_.ac_asymmetric);
  for (const std::int32_t z : zero_point) {
    if (z == 0 || (asymmetric && z >= INT8_MIN && z <= INT8_MAX)) continue;
    throw InvalidArgument(subject(which) + ": zero point " + std::to_string(z) + "; accepted for " + name_of(type) +
                          (asymmetric ? ": -128 to 127"
                           : fixed    ? ": 0"
                                      : ", symmetric: 0"));
  }
  tables_[static_cast<std::size_t>(which)] = {{scale.begin(), scale.end()}, {zero_point.begin(), zero_point.end()}};
}

float Quantisation::unit_b() const { return *std::ranges::max_element(table(Matrix::b).scale); }

double Quantisation::factor(std::int32_t group, std::int32_t column) const {
  const double b = scale_b(group, column), a = table(Matrix::a).scale.front(), c = table(Matrix::c).scale.front();
  switch (spec_.types.c) {
    case DType::i32:
    case DType::i16: return b / static_cast<double>(unit_b());
    case DType::i8: return a * b / c;
    default: return a * b;
  }
}

}  // namespace ez_rknn::npu::matmul
