#pragma once
/// Sixteen int8 in 128 bits: the same on AVX2 and AVX-512, whose headers include this.
#include <immintrin.h>

#include <cstdint>

namespace ez_rknn::npu::kernels {
namespace {

struct Bytes {
  __m128i v;
};
inline void store_i8(void* p, Bytes x) { _mm_storeu_si128(static_cast<__m128i*>(p), x.v); }
inline Bytes upper_half(Bytes x) { return {_mm_srli_si128(x.v, 8)}; }
inline Bytes operator&(Bytes x, Bytes y) { return {_mm_and_si128(x.v, y.v)}; }

/// One load a lane, faster than a gather.
inline __m128i look_up_8(const std::uint8_t* table, const std::int32_t* at) {
  __m128i x = _mm_cvtsi32_si128(table[at[0]]);
  x = _mm_insert_epi8(x, table[at[1]], 1), x = _mm_insert_epi8(x, table[at[2]], 2);
  x = _mm_insert_epi8(x, table[at[3]], 3), x = _mm_insert_epi8(x, table[at[4]], 4);
  x = _mm_insert_epi8(x, table[at[5]], 5), x = _mm_insert_epi8(x, table[at[6]], 6);
  return _mm_insert_epi8(x, table[at[7]], 7);
}
/// table[at[i]] of the first 8 or 16, as many as hold `lanes`; 0 in the others.
inline Bytes look_up_16(const std::uint8_t* table, const std::int32_t* at, int lanes) {
  const __m128i low = look_up_8(table, at);
  return {lanes > 8 ? _mm_unpacklo_epi64(low, look_up_8(table, at + 8)) : low};
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
