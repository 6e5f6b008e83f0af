#include "npu/ops/gemm.hpp"

#include <algorithm>

#include "core/aligned.hpp"
#include "core/cpu.hpp"
#include "npu/ops/gemm_tile.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// What fits the 16 vector registers of plain x86-64, or half of those of aarch64, with a row of B.
constexpr GemmTile kTileEverywhere = make_gemm_tile<4, 2, 4>();

constexpr std::int64_t kFew = 8;

}  // namespace

const GemmTile& gemm_tile_in_use() {
#if defined(__x86_64__)
  static const GemmTile best = cpu::allows(cpu::Isa::avx512) ? kGemmTileAvx512
                               : cpu::allows(cpu::Isa::avx2) ? kGemmTileAvx2
                                                             : kTileEverywhere;
  return best;
#else
  return kTileEverywhere;
#endif
}

std::size_t panels_bytes(std::int64_t lines, std::int64_t k, std::int64_t unit) {
  const auto floats = static_cast<std::size_t>((lines + unit - 1) / unit * unit * k);
  return whole_lines(floats * sizeof(float));
}

void pack_panels(const ConstTensorView& from, std::int64_t lines, std::ptrdiff_t line_step, std::int64_t k,
                 std::ptrdiff_t k_step, std::int64_t unit, float* to) {
  if (const std::int64_t rest = lines % unit) std::fill_n(to + (lines - rest) * k, unit * k, 0.0f);
  float row[kRow];
  if (k_step <= line_step || lines < kFew) {  // along the lines: neighbours in memory, or too few to take together
    for (std::int64_t line = 0; line < lines; ++line) {
      float* panel = to + line / unit * unit * k + line % unit;
      for (std::int64_t t = 0; t < k; t += kRow) {
        const std::int64_t n = std::min<std::int64_t>(kRow, k - t);
        load_row(from, line * line_step + t * k_step, k_step, n, row);
        for (std::int64_t i = 0; i < n; ++i) panel[(t + i) * unit] = row[i];
      }
    }
    return;
  }
  const std::int64_t piece = kRow / unit * unit;
  for (std::int64_t t = 0; t < k; ++t)
    for (std::int64_t line = 0; line < lines; line += piece) {
      const std::int64_t n = std::min(piece, lines - line);
      load_row(from, line * line_step + t * k_step, line_step, n, row);
      for (std::int64_t i = 0; i < n; i += unit)
        std::copy_n(row + i, std::min(unit, n - i), to + (line + i) * k + t * unit);
    }
}

std::size_t gemm_bytes(std::int64_t m, std::int64_t n, std::int64_t k) {
  return panels_bytes(m, k, gemm_tile_in_use().rows) + panels_bytes(n, k, gemm_tile_in_use().columns);
}

void gemm(const Matrix& a, const Matrix& b, std::int64_t m, std::int64_t n, std::int64_t k, float* c,
          std::span<std::byte> scratch) {
  const GemmTile& t = gemm_tile_in_use();
  auto* pa = reinterpret_cast<float*>(scratch.data());
  auto* pb = reinterpret_cast<float*>(scratch.data() + panels_bytes(m, k, t.rows));
  if (k > 0) {
    pack_panels(shifted(a.view, a.offset), m, a.row, k, a.column, t.rows, pa);
    pack_panels(shifted(b.view, b.offset), n, b.column, k, b.row, t.columns, pb);
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
