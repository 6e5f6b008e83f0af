#pragma once
/// The inner loop of gemm(), compiled once for each instruction set. All give the same bits: every element of C is
/// added up in the order of k, without fused operations.
#include <cstdint>

#include "npu/ops/attention_columns.hpp"

namespace ez_rknn::npu::ops {

/// A tile of C of `rows` x `columns`; a and b are panels of as many lines, c is dense.
struct GemmTile {
  std::int64_t rows, columns;
  void (*run)(const float* a, const float* b, std::int64_t k, float* c);
  void (*weigh)(float* scores, std::int64_t keys, const Weighing& how);  ///< of `columns` queries
};

/// c[i][j] = sum over t of a[t][i] * b[t][j]. Sizes known at compile time keep the sums in registers; the vectors are
/// spelled out because compilers do not find them reliably in such a nest.
template <int kRows, int kVectors, int kWidth>
void gemm_tile(const float* a, const float* b, std::int64_t k, float* c) {
  typedef float Vector __attribute__((vector_size(kWidth * sizeof(float)), aligned(alignof(float)), may_alias));
  constexpr int kColumns = kVectors * kWidth;
  Vector sum[kRows][kVectors] = {};
  for (std::int64_t t = 0; t < k; ++t, a += kRows, b += kColumns) {
    Vector line[kVectors];
    for (int v = 0; v < kVectors; ++v) line[v] = *reinterpret_cast<const Vector*>(b + v * kWidth);
    for (int i = 0; i < kRows; ++i)
      for (int v = 0; v < kVectors; ++v) sum[i][v] += a[i] * line[v];
  }
  for (int i = 0; i < kRows; ++i)
    for (int v = 0; v < kVectors; ++v) *reinterpret_cast<Vector*>(c + i * kColumns + v * kWidth) = sum[i][v];
}

template <int kRows, int kVectors, int kWidth>
constexpr GemmTile make_gemm_tile() {
  return {kRows, kVectors * kWidth, gemm_tile<kRows, kVectors, kWidth>, weigh_columns<kVectors * kWidth>};
}

/// The largest tile any of them has.
constexpr std::int64_t kMostTileElements = 8 * 32;

#if defined(__x86_64__)
extern const GemmTile kGemmTileAvx2, kGemmTileAvx512;
#endif

}  // namespace ez_rknn::npu::ops
