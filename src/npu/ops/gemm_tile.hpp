#pragma once
/// The inner loop of gemm() and of its relatives, compiled once for each instruction set. All give the same bits: every
/// element of C is added up in the order of k, without fused operations.
#include <cstdint>

#include "npu/ops/attention_columns.hpp"

namespace ez_rknn::npu::ops {

/// A tile of C of `rows` x `columns`; a and b are panels of as many lines, c is dense.
struct GemmTile {
  std::int64_t rows, columns;
  void (*run)(const float* a, const float* b, std::int64_t k, float* c);
  void (*weigh)(float* scores, std::int64_t keys, const Weighing& how);  ///< of `columns` queries
  /// y[j] += sum over t of a[t] * b[t][j], b dense with n columns.
  void (*add_row)(const float* a, const float* b, std::int64_t k, std::int64_t n, float* y);
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

/// Columns [j, n) by as many vectors at once as there are, from kVectors on downwards; those of the rest one by one.
template <int kVectors, int kWidth>
void add_row(const float* a, const float* b, std::int64_t k, std::int64_t n, std::int64_t j, float* y) {
  typedef float Vector __attribute__((vector_size(kWidth * sizeof(float)), aligned(alignof(float)), may_alias));
  for (; j + kVectors * kWidth <= n; j += kVectors * kWidth) {
    Vector sum[kVectors];
    Vector* const to = reinterpret_cast<Vector*>(y + j);
    for (int v = 0; v < kVectors; ++v) sum[v] = to[v];
    for (std::int64_t t = 0; t < k; ++t) {
      const Vector* const line = reinterpret_cast<const Vector*>(b + t * n + j);
      for (int v = 0; v < kVectors; ++v) sum[v] += a[t] * line[v];
    }
    for (int v = 0; v < kVectors; ++v) to[v] = sum[v];
  }
  if constexpr (kVectors > 1) {
    add_row<kVectors / 2, kWidth>(a, b, k, n, j, y);
  } else {
    for (; j < n; ++j)
      for (std::int64_t t = 0; t < k; ++t) y[j] += a[t] * b[t * n + j];
  }
}

template <int kWidth>
void add_row(const float* a, const float* b, std::int64_t k, std::int64_t n, float* y) {
  add_row<8, kWidth>(a, b, k, n, 0, y);
}

template <int kRows, int kVectors, int kWidth>
constexpr GemmTile make_gemm_tile() {
  return {kRows, kVectors * kWidth, gemm_tile<kRows, kVectors, kWidth>, weigh_columns<kVectors * kWidth>,
          add_row<kWidth>};
}

/// The largest tile any of them has.
constexpr std::int64_t kMostTileElements = 8 * 32;

#if defined(__x86_64__)
extern const GemmTile kGemmTileAvx2, kGemmTileAvx512;
#endif

}  // namespace ez_rknn::npu::ops
