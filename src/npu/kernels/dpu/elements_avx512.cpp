#if defined(__x86_64__)
// The lanes first: what follows is written over them.
#include "npu/kernels/simd/avx512.hpp"

#include "npu/kernels/dpu/elements_loops.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// The table is four registers: two vpermi2b, chosen between by the index's top bit.
struct Table {
  __m512i quarter[4];
};
inline __m512i look_up(const Table& t, __m512i x) {
  const __m512i low = _mm512_permutex2var_epi8(t.quarter[0], x, t.quarter[1]);
  const __m512i high = _mm512_permutex2var_epi8(t.quarter[2], x, t.quarter[3]);
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
}

void map_bytes(const std::uint8_t* table, const std::byte* from, std::byte* to, std::size_t n) {
  Table t;
  for (int i = 0; i < 4; ++i) t.quarter[i] = _mm512_loadu_si512(table + i * 64);
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64) _mm512_storeu_si512(to + i, look_up(t, _mm512_loadu_si512(from + i)));
  if (i == n) return;
  const __mmask64 rest = ~__mmask64{0} >> (64 - (n - i));
  _mm512_mask_storeu_epi8(to + i, rest, look_up(t, _mm512_maskz_loadu_epi8(rest, from + i)));
}

}  // namespace

const ElementKernels kElementsAvx512 = {map_bytes,  i8_to_i32,  i16_to_i32, i8_to_f32,
                                        i16_to_f32, i32_to_f32, f16_to_f32, bf16_to_f32};

}  // namespace ez_rknn::npu::kernels
#endif
