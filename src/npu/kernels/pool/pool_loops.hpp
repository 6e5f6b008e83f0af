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
template <class T, bool Max>
void windows(const std::byte* from, std::ptrdiff_t step, std::ptrdiff_t tap, int taps, std::byte* to,
             std::ptrdiff_t pixel, int pixels, std::size_t n) {
  for (int p = 0; p < pixels; ++p, from += step, to += pixel)
    for (std::size_t c = 0; c < n * sizeof(T); c += 16 * sizeof(T)) {
      T best[16], other[16];
      __builtin_memcpy(best, from + c, sizeof best);
      for (int k = 1; k < taps; ++k) {
        __builtin_memcpy(other, from + c + k * tap, sizeof other);
        for (int i = 0; i < 16; ++i) best[i] = (Max ? other[i] > best[i] : other[i] < best[i]) ? other[i] : best[i];
      }
      __builtin_memcpy(to + c, best, sizeof best);
    }
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

template <class T, void (*Finish)(const std::byte*, std::int64_t, double, std::byte*, std::size_t)>
constexpr PoolLoops kIntegers = {max_of<T>, min_of<T>, add_to<T>, Finish, windows<T, true>, windows<T, false>};
template <class R>
constexpr PoolLoops kReals = {R::max_of, R::min_of, R::add, R::finish, nullptr, nullptr};

constexpr PoolKernel kLoops = {kIntegers<std::int8_t, finish<store_i8, 1>>,
                               kIntegers<std::int16_t, finish<store_i16, 2>>, kReals<Half>, kReals<Brain>};

}  // namespace
}  // namespace ez_rknn::npu::kernels
