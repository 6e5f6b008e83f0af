#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/winograd_loops.hpp"
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
    Value operator<<(int n) const { return {_mm256_slli_epi16(v, n)}; }
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
struct WinogradBytes4 : WinogradBytes {
  template <int N>
  static Int up(Int x) {
    return {_mm256_slli_epi32(x.a, N), _mm256_slli_epi32(x.b, N)};
  }
  /// 576 times too large: 9 has an inverse modulo 2^32, which leaves 64 times.
  static void store_sum(std::byte* p, Int x) {
    const Int times = x * splat(0x38e38e39);
    store_int(p, Int{_mm256_srai_epi32(times.a, 6), _mm256_srai_epi32(times.b, 6)});
  }
};

}  // namespace

const WinogradKernel kWinogradI8Avx2 = {&kDenseI8Avx2,
                                        WinogradBytes::kFrom,
                                        WinogradBytes::kTo,
                                        2,
                                        winograd_input<WinogradBytes>,
                                        winograd_output<WinogradBytes>};
const WinogradKernel kWinograd4I8Avx2 = {&kDenseI8Avx2,
                                         WinogradBytes::kFrom,
                                         WinogradBytes::kTo,
                                         4,
                                         winograd_input_4<WinogradBytes4>,
                                         winograd_output_4<WinogradBytes4>};
const WinogradKernel kWinogradF16Avx2 = {&kDenseF32Avx2,
                                         WinogradHalves::kFrom,
                                         WinogradHalves::kTo,
                                         2,
                                         winograd_input<WinogradHalves>,
                                         winograd_output<WinogradHalves>};

}  // namespace ez_rknn::npu::kernels
#endif
