#pragma once
/// Operators that compute each element of the output from the elements at its place: rows of numbers in, a row out.
#include <algorithm>
#include <array>

#include "npu/ops/check.hpp"
#include "npu/ops/nest.hpp"
#include "npu/ops/rows.hpp"

namespace ez_rknn::npu::ops {

/// The numbers an operator computes in. Bytes and halves are exact in float; int16, int32 and f32 get double, as the
/// reference results do; tensors of plain integers stay integers.
enum class Number { f32, f64, i64 };

inline Number number_for(std::initializer_list<const Meta*> operands) {
  bool integers = true, small = true;
  for (const Meta* m : operands) {
    integers = integers && is_plain_integer(m->dtype, m->quant) && size_of(m->dtype) >= 4;
    small = small && (size_of(m->dtype) == 1 || m->dtype == DType::f16 || m->dtype == DType::bf16);
  }
  return integers ? Number::i64 : small ? Number::f32 : Number::f64;
}

/// f(const T* const (&in)[K], T* out, std::int64_t n) on rows of at most kRow elements; the inputs are broadcast to the
/// output's shape.
template <class T, int K, class F>
void compute_rows(const std::array<ConstTensorView, K>& in, const TensorView& out, F f) {
  Nest<K + 1> nest;
  const int rank = out.shape.rank();
  for (int i = 0; i < rank; ++i) {
    typename Nest<K + 1>::Steps step;
    for (std::size_t k = 0; k < K; ++k) step[k] = broadcast_stride(in[k], i, rank);
    step[K] = out.strides[i];
    nest.add(out.shape[i], step);
  }
  nest.tidy();
  alignas(32) T loaded[K][kRow];
  alignas(32) T result[kRow];
  const T* rows[K];
  for (std::size_t k = 0; k < K; ++k) rows[k] = loaded[k];
  nest.rows([&](const auto& at, std::int64_t n, const auto& step) {
    for (std::int64_t i = 0; i < n; i += kRow) {
      const std::int64_t m = std::min<std::int64_t>(kRow, n - i);
      for (std::size_t k = 0; k < K; ++k) load_row(in[k], at[k] + i * step[k], step[k], m, loaded[k]);
      f(rows, result, m);
      store_row(out, at[K] + i * step[K], step[K], m, result);
    }
  });
}

}  // namespace ez_rknn::npu::ops
