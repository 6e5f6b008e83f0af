#include "npu/ops/gemm.hpp"

#include <algorithm>
#include <cstring>

namespace ez_rknn::npu::ops {
namespace {

/// A tile of C: what fits the 16 vector registers of plain x86-64 with a row of B.
constexpr std::int64_t kRows = 4, kColumns = 8;

std::int64_t padded(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }
std::size_t panel_bytes(std::int64_t lines, std::int64_t k) {
  return (static_cast<std::size_t>(lines * k) * sizeof(float) + 63) / 64 * 64;
}

/// Panels of `unit` lines with the k elements of each beside one another: panel[p][k][line]. Lines beyond the last are
/// 0.
void pack(const Matrix& m, std::int64_t lines, std::ptrdiff_t line_step, std::int64_t k, std::ptrdiff_t k_step,
          std::int64_t unit, float* to) {
  const std::int64_t whole = lines / unit, rest = lines % unit;
  const ConstTensorView from = shifted(m.view, m.offset);
  TensorView target{reinterpret_cast<std::byte*>(to), DType::f32, {}, {}, {}};
  Nest<2> panels;
  panels.add(whole, {line_step * unit, k * unit});
  panels.add(unit, {line_step, 1});
  panels.add(k, {k_step, unit});
  copy(from, target, panels);
  if (rest == 0) return;
  float* last = to + whole * unit * k;
  std::fill_n(last, unit * k, 0.0f);
  target.data = reinterpret_cast<std::byte*>(last);
  Nest<2> tail;
  tail.add(rest, {line_step, 1});
  tail.add(k, {k_step, unit});
  copy(shifted(from, whole * unit * line_step), target, tail);
}

/// acc[i][j] = sum over k of a[k][i] * b[k][j]; sizes known at compile time keep acc in registers.
void tile(const float* a, const float* b, std::int64_t k, float (&acc)[kRows][kColumns]) {
  float sum[kRows][kColumns] = {};
  for (std::int64_t t = 0; t < k; ++t, a += kRows, b += kColumns)
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < kColumns; ++j) sum[i][j] += a[i] * b[j];
  std::memcpy(acc, sum, sizeof sum);
}

}  // namespace

std::size_t gemm_bytes(std::int64_t m, std::int64_t n, std::int64_t k) {
  return panel_bytes(padded(m, kRows), k) + panel_bytes(padded(n, kColumns), k);
}

void gemm(const Matrix& a, const Matrix& b, std::int64_t m, std::int64_t n, std::int64_t k, float* c,
          std::span<std::byte> scratch) {
  auto* pa = reinterpret_cast<float*>(scratch.data());
  auto* pb = reinterpret_cast<float*>(scratch.data() + panel_bytes(padded(m, kRows), k));
  if (k > 0) {
    pack(a, m, a.row, k, a.column, kRows, pa);
    pack(b, n, b.column, k, b.row, kColumns, pb);
  }
  float acc[kRows][kColumns];
  for (std::int64_t j = 0; j < n; j += kColumns)
    for (std::int64_t i = 0; i < m; i += kRows) {
      tile(pa + i * k, pb + j * k, k, acc);
      const std::int64_t rows = std::min(kRows, m - i), columns = std::min(kColumns, n - j);
      for (std::int64_t r = 0; r < rows; ++r) std::copy_n(acc[r], columns, c + (i + r) * n + j);
    }
}

}  // namespace ez_rknn::npu::ops
