#pragma once
/// Arithmetic on blocks of lanes (lanes.hpp): a block of one column is a row.
#include <algorithm>
#include <cmath>
#include <limits>

#include "npu/ops/fast_math.hpp"

namespace ez_rknn::npu::ops {

/// Folds a row with eight partial results, so that it becomes vector code: step(result, element), join(result, result).
template <class A, class T, class Step, class Join>
A fold(const T* x, std::int64_t n, A start, Step step, Join join) {
  A part[8];
  std::fill_n(part, 8, start);
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) part[k] = step(part[k], x[i + k]);
  for (; i < n; ++i) part[0] = step(part[0], x[i]);
  for (int k = 1; k < 8; ++k) part[0] = join(part[0], part[k]);
  return part[0];
}

/// Folds each column of a block; step(result, element, column).
template <class A, class T, class Step, class Join>
void fold_columns(const T* x, std::int64_t length, std::int64_t columns, A start, A* to, Step step, Join join) {
  if (columns == 1) {
    to[0] = fold(x, length, start, [&](A a, T b) { return step(a, b, 0); }, join);
    return;
  }
  std::fill_n(to, columns, start);
  for (std::int64_t i = 0; i < length; ++i)
    for (std::int64_t c = 0; c < columns; ++c) to[c] = step(to[c], x[i * columns + c], c);
}

/// x = f(x, column)
template <class T, class F>
void with_columns(T* x, std::int64_t length, std::int64_t columns, F f) {
  if (columns == 1)
    for (std::int64_t i = 0; i < length; ++i) x[i] = f(x[i], 0);
  else
    for (std::int64_t i = 0; i < length; ++i)
      for (std::int64_t c = 0; c < columns; ++c) x[i * columns + c] = f(x[i * columns + c], c);
}

/// x = e^(x - the column's largest) / the column's sum of those
template <class T>
void softmax_columns(T* x, std::int64_t length, std::int64_t columns) {
  T largest[32], sum[32];
  const auto greater = [](T a, T b, auto...) { return b > a || b != b ? b : a; };
  fold_columns(x, length, columns, -std::numeric_limits<T>::infinity(), largest, greater, greater);
  with_columns(x, length, columns, [&](T a, std::int64_t c) { return fast_exp(a - largest[c]); });
  const auto add = [](T a, T b, auto...) { return a + b; };
  fold_columns(x, length, columns, T{0}, sum, add, add);
  with_columns(x, length, columns, [&](T a, std::int64_t c) { return a / sum[c]; });
}

/// x = x - largest - log(sum of e^(x - largest))
template <class T>
void log_softmax_columns(T* x, std::int64_t length, std::int64_t columns) {
  T largest[32], sum[32];
  const auto greater = [](T a, T b, auto...) { return b > a || b != b ? b : a; };
  fold_columns(x, length, columns, -std::numeric_limits<T>::infinity(), largest, greater, greater);
  fold_columns(
      x, length, columns, T{0}, sum, [&](T a, T b, std::int64_t c) { return a + fast_exp(b - largest[c]); },
      [](T a, T b) { return a + b; });
  for (std::int64_t c = 0; c < columns; ++c) sum[c] = std::log(sum[c]);
  with_columns(x, length, columns, [&](T a, std::int64_t c) { return a - largest[c] - sum[c]; });
}

}  // namespace ez_rknn::npu::ops
