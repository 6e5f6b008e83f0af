#include "npu/ops/gemm.hpp"

#include <algorithm>

#include "core/cpu.hpp"
#include "npu/ops/gemm_tile.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// What fits the 16 vector registers of plain x86-64, or half of those of aarch64, with a row of B.
constexpr GemmTile kTileEverywhere{4, 8, gemm_tile<4, 2, 4>};

/// The best tile this CPU and EZ_RKNN_ISA allow.
const GemmTile& tile() {
#if defined(__x86_64__)
  static const GemmTile best = cpu::allows(cpu::Isa::avx512) ? kGemmTileAvx512
                               : cpu::allows(cpu::Isa::avx2) ? kGemmTileAvx2
                                                             : kTileEverywhere;
  return best;
#else
  return kTileEverywhere;
#endif
}

std::int64_t padded(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }
std::size_t panel_bytes(std::int64_t lines, std::int64_t k) {
  return (static_cast<std::size_t>(lines * k) * sizeof(float) + 63) / 64 * 64;
}

/// Panels of `unit` lines with the k elements of each beside one another: panel[p][k][line]. Lines beyond the last
/// are 0.
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

}  // namespace

std::size_t gemm_bytes(std::int64_t m, std::int64_t n, std::int64_t k) {
  return panel_bytes(padded(m, tile().rows), k) + panel_bytes(padded(n, tile().columns), k);
}

void gemm(const Matrix& a, const Matrix& b, std::int64_t m, std::int64_t n, std::int64_t k, float* c,
          std::span<std::byte> scratch) {
  const GemmTile& t = tile();
  auto* pa = reinterpret_cast<float*>(scratch.data());
  auto* pb = reinterpret_cast<float*>(scratch.data() + panel_bytes(padded(m, t.rows), k));
  if (k > 0) {
    pack(a, m, a.row, k, a.column, t.rows, pa);
    pack(b, n, b.column, k, b.row, t.columns, pb);
  }
  alignas(64) float sums[kMostTileElements];
  for (std::int64_t j = 0; j < n; j += t.columns)
    for (std::int64_t i = 0; i < m; i += t.rows) {
      t.run(pa + i * k, pb + j * k, k, sums);
      const std::int64_t rows = std::min(t.rows, m - i), columns = std::min(t.columns, n - j);
      for (std::int64_t r = 0; r < rows; ++r) std::copy_n(sums + r * t.columns, columns, c + (i + r) * n + j);
    }
}

}  // namespace ez_rknn::npu::ops
