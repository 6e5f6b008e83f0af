#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/winograd_loops_4.hpp"

namespace ez_rknn::npu::kernels {

namespace {

/// int8 in the map, int16 from there on, sums of int32. The weights' transform keeps its fractions as integers, so sums
/// are too large by a factor, and exact.
struct WinogradBytes {
  struct Value {
    __m256i v;
    Value operator+(Value o) const { return {_mm256_add_epi16(v, o.v)}; }
    Value operator-(Value o) const { return {_mm256_sub_epi16(v, o.v)}; }
  };
  using Sum = Int;
  static constexpr int kFrom = 1, kTo = 2;
  static Value load(const std::byte* p) { return {_mm256_cvtepi8_epi16(_mm_loadu_si128(at128(p)))}; }
  static void store(std::byte* p, Value x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.v); }
  static Int load_sum(const std::byte* p) { return load_int(reinterpret_cast<const std::int32_t*>(p)); }
  static void store_sum(std::byte* p, Int x) {
    store_int(p, Int{_mm256_srai_epi32(x.a, 2), _mm256_srai_epi32(x.b, 2)});
  }
};
/// With the points 0, +-1, +-2 and infinity: from int8, twice, at most 100 times as large, which int16 holds. The
/// weights' transform leaves products 576 times too large, but the last of a line 72 times.
struct WinogradBytes4 : WinogradBytes {
  template <int N>
  static Value up(Value x) {
    return {_mm256_slli_epi16(x.v, N)};
  }
  template <int N>
  static Int up(Int x) {
    return {_mm256_slli_epi32(x.a, N), _mm256_slli_epi32(x.b, N)};
  }
  /// B' x with B' = (4 0 -5 0 1 0 | 0 -4 -4 1 1 0 | 0 4 -4 -1 1 0 | 0 -2 -1 2 1 0 | 0 2 -1 -2 1 0 | 0 4 0 -5 0 1).
  static void in(const Value (&x)[6], Value (&t)[6]) {
    const Value even = x[4] - x[2], odd = x[1] - x[3], p = x[4] - up<2>(x[2]), q = x[3] - up<2>(x[1]);
    t[0] = up<2>(x[0] - x[2]) + even;
    t[1] = p + q, t[2] = p - q;
    t[3] = even - up<1>(odd), t[4] = even + up<1>(odd);
    t[5] = up<2>(odd) + (x[5] - x[3]);
  }
  /// A' m with A' = (1 1 1 1 1 0 | 0 1 -1 2 -2 0 | 0 1 1 4 4 0 | 0 1 -1 8 -8 8).
  static void out(const Int (&m)[6], Int (&y)[4]) {
    const Int a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[1] = b + up<1>(d);
    y[2] = a + up<2>(c);
    y[3] = b + up<3>(d + m[5]);
  }
  /// 9 has an inverse modulo 2^32, which leaves 64 times.
  static void store_sum(std::byte* p, Int x) {
    const Int times = x * splat(0x38e38e39);
    store_int(p, Int{_mm256_srai_epi32(times.a, 6), _mm256_srai_epi32(times.b, 6)});
  }
};

}  // namespace

const WinogradKernel kWinogradI8Avx2 = winograd_2x2<WinogradBytes>(kDenseI8Avx2);
const WinogradKernel kWinograd4I8Avx2 = winograd_4x4<WinogradBytes4>(kDenseI8Avx2);
const WinogradKernel kWinogradF16Avx2 = winograd_2x2<WinogradHalves>(kDenseF32Avx2);
const WinogradKernel kWinograd4F16Avx2 = winograd_4x4<WinogradHalves4>(kDenseF32Avx2);

}  // namespace ez_rknn::npu::kernels
#endif
