#pragma once
/// Quantisation of the three matrices: what the caller set, checked, and resolved to what the arithmetic needs.
#include <cstdint>
#include <span>
#include <vector>

#include "npu/matmul/spec.hpp"

namespace ez_rknn::npu::matmul {

/// real = (q - zero_point) * scale. One value each, or a whole table for B; zero points empty: all 0.
struct QuantTable {
  std::vector<float> scale{1.0f};
  std::vector<std::int32_t> zero_point;
  bool operator==(const QuantTable&) const = default;
};

/// The quantisation of a multiplication. `columns` and `groups` are the largest of the context's shapes: B's table has
/// a row of `columns` values for each group (per channel: one row), however small the current shape is.
class Quantisation {
 public:
  Quantisation(const Spec& spec, std::int32_t columns, std::int32_t groups)
      : spec_(spec), columns_(columns), groups_(groups) {}

  /// @throws InvalidArgument for a length that is neither 1 nor the table's, a scale that is not a positive number, a
  ///         zero point beyond int8 or, where symmetric, other than 0, and for float matrices and an int32 or int16 C
  ///         anything but 1 and 0
  void set(Matrix which, std::span<const float> scale, std::span<const std::int32_t> zero_point);

  const QuantTable& table(Matrix which) const { return tables_[static_cast<std::size_t>(which)]; }
  float scale_b(std::int32_t group, std::int32_t column) const { return at(table(Matrix::b).scale, group, column); }
  std::int32_t zero_b(std::int32_t group, std::int32_t column) const {
    const auto& zero = table(Matrix::b).zero_point;
    return zero.empty() ? 0 : at(zero, group, column);
  }
  std::int32_t zero(Matrix which) const {
    const auto& zero = table(which).zero_point;
    return zero.empty() ? 0 : zero.front();
  }
  /// The largest scale of B. Unscaled integer results (int32, int16) are in units of it, times A's scale.
  float unit_b() const;
  /// What (a - zero_a)(b - zero_b) of a group and column is multiplied with to be C before its zero point.
  double factor(std::int32_t group, std::int32_t column) const;

 private:
  template <class T>
  T at(const std::vector<T>& v, std::int32_t group, std::int32_t column) const {
    return v.size() == 1 ? v.front() : v[static_cast<std::size_t>(std::int64_t{group} * columns_ + column)];
  }

  Spec spec_;
  std::int32_t columns_, groups_;
  QuantTable tables_[3];
};

}  // namespace ez_rknn::npu::matmul
