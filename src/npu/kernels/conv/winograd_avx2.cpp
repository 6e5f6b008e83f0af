#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx2.hpp"

#include "npu/kernels/conv/winograd_loops.hpp"

namespace ez_rknn::npu::kernels {

namespace {

/// int8 in the map, int16 from there on, sums of int32. The weights' transform keeps its halves as integers, so sums
/// are four times too large, and exact.
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

}  // namespace

const WinogradKernel kWinogradI8Avx2 = {&kDenseI8Avx2, WinogradBytes::kFrom, WinogradBytes::kTo,
                                        winograd_input<WinogradBytes>, winograd_output<WinogradBytes>};
const WinogradKernel kWinogradF16Avx2 = {&kDenseF32Avx2, WinogradHalves::kFrom, WinogradHalves::kTo,
                                         winograd_input<WinogradHalves>, winograd_output<WinogradHalves>};

}  // namespace ez_rknn::npu::kernels
#endif
