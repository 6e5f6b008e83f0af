#pragma once
/// Included after one of simd/*.hpp. The plain loops are vectorised by the compiler; halves need conversions.
#include "npu/kernels/pool/pool_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

template <class T>
void max_of(const std::byte* from, std::byte* to, std::size_t n) {
  const auto* a = reinterpret_cast<const T*>(from);
  auto* b = reinterpret_cast<T*>(to);
  for (std::size_t i = 0; i < n; ++i) b[i] = a[i] > b[i] ? a[i] : b[i];
}
template <class T>
void min_of(const std::byte* from, std::byte* to, std::size_t n) {
  const auto* a = reinterpret_cast<const T*>(from);
  auto* b = reinterpret_cast<T*>(to);
  for (std::size_t i = 0; i < n; ++i) b[i] = a[i] < b[i] ? a[i] : b[i];
}
template <class T>
void add_to(const std::byte* from, std::byte* sum, std::size_t n) {
  const auto* a = reinterpret_cast<const T*>(from);
  auto* b = reinterpret_cast<std::int32_t*>(sum);
  for (std::size_t i = 0; i < n; ++i) b[i] += a[i];
}
/// n is a multiple of 16, as channel counts are.
template <void (*Store)(void*, Int), std::size_t Size>
void finish(const std::byte* sum, std::int64_t extra, double factor, std::byte* to, std::size_t n) {
  constexpr double kHighest = Size == 1 ? 127 : 32767;
  for (std::size_t i = 0; i < n; i += 16) {
    const Wide total = to_wide(load_int(reinterpret_cast<const std::int32_t*>(sum) + i)) + splat(double(extra));
    const Wide mean = round_even(total * splat(factor));
    Store(to + i * Size, to_int(min(max(mean, splat(-kHighest - 1)), splat(kHighest))));
  }
}

/// Two-byte reals. A NaN stays: comparisons with it are false, and the newcomer is the second operand.
template <Real (*Load)(const void*), void (*Store)(void*, Real)>
struct Short {
  static void max_of(const std::byte* from, std::byte* to, std::size_t n) {
    for (std::size_t i = 0; i < n * 2; i += 32) Store(to + i, max(Load(to + i), Load(from + i)));
  }
  static void min_of(const std::byte* from, std::byte* to, std::size_t n) {
    for (std::size_t i = 0; i < n * 2; i += 32) Store(to + i, min(Load(to + i), Load(from + i)));
  }
  static void add(const std::byte* from, std::byte* sum, std::size_t n) {
    auto* b = reinterpret_cast<float*>(sum);
    for (std::size_t i = 0; i < n; i += 16) store_real(b + i, load_real(b + i) + Load(from + i * 2));
  }
  static void finish(const std::byte* sum, std::int64_t extra, double factor, std::byte* to, std::size_t n) {
    const auto* a = reinterpret_cast<const float*>(sum);
    for (std::size_t i = 0; i < n; i += 16)
      Store(to + i * 2, (load_real(a + i) + splat(float(extra))) * splat(float(factor)));
  }
};
using Half = Short<load_f16, store_f16>;
using Brain = Short<load_bf16, store_bf16>;

constexpr PoolKernel kLoops = {{max_of<std::int8_t>, min_of<std::int8_t>, add_to<std::int8_t>, finish<store_i8, 1>},
                               {max_of<std::int16_t>, min_of<std::int16_t>, add_to<std::int16_t>, finish<store_i16, 2>},
                               {Half::max_of, Half::min_of, Half::add, Half::finish},
                               {Brain::max_of, Brain::min_of, Brain::add, Brain::finish}};

}  // namespace
}  // namespace ez_rknn::npu::kernels
