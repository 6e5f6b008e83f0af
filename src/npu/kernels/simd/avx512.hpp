#pragma once
/// Sixteen lanes, one channel group, on AVX-512. avx2.hpp and neon.hpp have the same names, so that code written over
/// them serves every instruction set. Included by files built for that set only; everything has internal linkage,
/// or the linker could hand these instructions to code that runs on older machines.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "npu/kernels/simd/bytes_x86.hpp"

namespace ez_rknn::npu::kernels {
namespace {

struct Int {
  __m512i v;
};
struct Real {
  __m512 v;
};
/// Double precision: the integers the exact pipelines compute with (below 2^52).
struct Wide {
  __m512d a, b;
};

inline Int load_int(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
inline Int load_i16(const void* p) {
  return {_mm512_cvtepi16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)))};
}
inline Int load_i8(const void* p) { return {_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)))}; }
inline Int splat(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
inline void store_int(void* p, Int x) { _mm512_storeu_si512(p, x.v); }
/// Lanes hold values of the narrow type.
inline void store_i16(void* p, Int x) { _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x.v)); }
/// Saturates.
inline Bytes to_bytes(Int x) { return {_mm512_cvtsepi32_epi8(x.v)}; }
inline void store_i8(void* p, Int x) { store_i8(p, to_bytes(x)); }
/// table[index] in every lane: a gather, which reads three bytes more.
inline Bytes look_up_bytes(const std::uint8_t* table, Int index, int) {
  return {_mm512_cvtepi32_epi8(_mm512_i32gather_epi32(index.v, table, 1))};
}
/// Sixteen words as the rows of a square, to its columns: what packing or unpacking does in each quarter of a vector
/// then leaves neighbours side by side, as bytes of four vectors narrowed by two vpacks.
inline __m512i transpose_square(__m512i x) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, x);
}
/// The quarters of x to `count` pixels.
[[gnu::always_inline]] inline void store_pixels(std::byte* p, std::ptrdiff_t pixel, __m512i x, int count) {
  const auto store = [](std::byte* at, __m128i y) { _mm_storeu_si128(reinterpret_cast<__m128i*>(at), y); };
  const __m256i low = _mm512_castsi512_si256(x), high = _mm512_extracti64x4_epi64(x, 1);
  store(p, _mm256_castsi256_si128(low));
  if (count > 1) store(p + pixel, _mm256_extracti128_si256(low, 1));
  if (count > 2) store(p + 2 * pixel, _mm256_castsi256_si128(high));
  if (count > 3) store(p + 3 * pixel, _mm256_extracti128_si256(high, 1));
}
/// The halves of x to two pixels.
inline void store_two_pixels(std::byte* p, std::ptrdiff_t pixel, __m512i x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_castsi512_si256(x));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + pixel), _mm512_extracti64x4_epi64(x, 1));
}
/// As many pixels of int8 as are best stored at once; saturates.
constexpr int kStoredPixels = 4;
inline void store_i8(std::byte* p, std::ptrdiff_t pixel, const Int (&x)[kStoredPixels]) {
  const __m512i words0 = _mm512_packs_epi32(x[0].v, x[1].v), words1 = _mm512_packs_epi32(x[2].v, x[3].v);
  store_pixels(p, pixel, transpose_square(_mm512_packs_epi16(words0, words1)), 4);
}
inline Int operator+(Int a, Int b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline Int operator-(Int a, Int b) { return {_mm512_sub_epi32(a.v, b.v)}; }
inline Int operator*(Int a, Int b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
inline Int operator&(Int a, Int b) { return {_mm512_and_si512(a.v, b.v)}; }
inline Int operator>>(Int a, int n) { return {_mm512_srav_epi32(a.v, _mm512_set1_epi32(n))}; }
inline Int min(Int a, Int b) { return {_mm512_min_epi32(a.v, b.v)}; }
inline Int max(Int a, Int b) { return {_mm512_max_epi32(a.v, b.v)}; }
/// table[index]; two bytes past the entry are read too.
inline Int gather_i16(const std::int16_t* table, Int index) {
  return {_mm512_srai_epi32(_mm512_slli_epi32(_mm512_i32gather_epi32(index.v, table, 2), 16), 16)};
}

inline Int gather_i32(const std::int32_t* table, Int index) { return {_mm512_i32gather_epi32(index.v, table, 4)}; }
inline Int sign_extend_low(Int x) { return {_mm512_srai_epi32(_mm512_slli_epi32(x.v, 16), 16)}; }
inline Int sign_extend_high(Int x) { return {_mm512_srai_epi32(x.v, 16)}; }

inline Wide load_wide(const double* p) { return {_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
inline Wide splat(double x) { return {_mm512_set1_pd(x), _mm512_set1_pd(x)}; }
inline Wide to_wide(Int x) {
  return {_mm512_cvtepi32_pd(_mm512_castsi512_si256(x.v)), _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(x.v, 1))};
}
/// Of integers in the range of int32.
inline Int to_int(Wide x) {
  return {_mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtpd_epi32(x.a)), _mm512_cvtpd_epi32(x.b), 1)};
}
inline Wide operator+(Wide x, Wide y) { return {_mm512_add_pd(x.a, y.a), _mm512_add_pd(x.b, y.b)}; }
inline Wide operator-(Wide x, Wide y) { return {_mm512_sub_pd(x.a, y.a), _mm512_sub_pd(x.b, y.b)}; }
inline Wide operator*(Wide x, Wide y) { return {_mm512_mul_pd(x.a, y.a), _mm512_mul_pd(x.b, y.b)}; }
/// x * y + z
inline Wide multiply_add(Wide x, Wide y, Wide z) {
  return {_mm512_fmadd_pd(x.a, y.a, z.a), _mm512_fmadd_pd(x.b, y.b, z.b)};
}
inline void store_wide(double* p, Wide x) {
  _mm512_storeu_pd(p, x.a);
  _mm512_storeu_pd(p + 8, x.b);
}
inline Wide min(Wide x, Wide y) { return {_mm512_min_pd(x.a, y.a), _mm512_min_pd(x.b, y.b)}; }
inline Wide max(Wide x, Wide y) { return {_mm512_max_pd(x.a, y.a), _mm512_max_pd(x.b, y.b)}; }
inline Wide round_even(Wide x) {
  return {_mm512_roundscale_pd(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
          _mm512_roundscale_pd(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline __m512d half_away(__m512d x) {
  const __m512d half = _mm512_or_pd(_mm512_and_pd(x, _mm512_set1_pd(-0.0)), _mm512_set1_pd(0.5));
  return _mm512_roundscale_pd(_mm512_add_pd(x, half), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
/// Halves away from zero; exact while x has at most 52 significant bits above 2^-1074.
inline Wide round_away(Wide x) { return {half_away(x.a), half_away(x.b)}; }
inline Wide select_less(Wide x, Wide y, Wide less, Wide other) {
  return {_mm512_mask_blend_pd(_mm512_cmp_pd_mask(x.a, y.a, _CMP_LT_OQ), other.a, less.a),
          _mm512_mask_blend_pd(_mm512_cmp_pd_mask(x.b, y.b, _CMP_LT_OQ), other.b, less.b)};
}

inline bool any_unequal(Int x, Int y) { return _mm512_cmpneq_epi32_mask(x.v, y.v) != 0; }
inline bool any_unequal(Wide x, Wide y) {
  return _mm512_cmp_pd_mask(x.a, y.a, _CMP_NEQ_UQ) | _mm512_cmp_pd_mask(x.b, y.b, _CMP_NEQ_UQ);
}

inline Real load_real(const float* p) { return {_mm512_loadu_ps(p)}; }
inline Real load_f16(const void* p) { return {_mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)))}; }
inline Real load_bf16(const void* p) {
  const __m512i x = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(x, 16))};
}
inline Real splat(float x) { return {_mm512_set1_ps(x)}; }
inline void store_real(void* p, Real x) { _mm512_storeu_ps(p, x.v); }
inline void store_f16(void* p, Real x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
/// The upper halves, to nearest, ties to even; a NaN stays one.
inline void store_bf16(void* p, Real x) {
  const __m512i bits = _mm512_castps_si512(x.v), top = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(top, _mm512_set1_epi32(1));
  const __m512i rounded =
      _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  const __m512i y = _mm512_mask_or_epi32(rounded, nan, top, _mm512_set1_epi32(0x40));
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtepi32_epi16(y));
}
inline Real to_real(Int x) { return {_mm512_cvtepi32_ps(x.v)}; }
inline Real to_real(Wide x) {
  return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(x.a)), _mm512_cvtpd_ps(x.b), 1)};
}
/// To nearest, ties to even.
inline Int to_int(Real x) { return {_mm512_cvtps_epi32(x.v)}; }
inline Real operator+(Real a, Real b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Real operator-(Real a, Real b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Real operator*(Real a, Real b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Real operator/(Real a, Real b) { return {_mm512_div_ps(a.v, b.v)}; }
/// x * y + z, rounded once
inline Real multiply_add(Real x, Real y, Real z) { return {_mm512_fmadd_ps(x.v, y.v, z.v)}; }
/// x * y - z, rounded once
inline Real product_minus(Real x, Real y, Real z) { return {_mm512_fmsub_ps(x.v, y.v, z.v)}; }
/// 0.5 with the sign of x
inline Real half_like(Real x) {
  return {_mm512_or_ps(_mm512_and_ps(x.v, _mm512_set1_ps(-0.0f)), _mm512_set1_ps(0.5f))};
}
/// x * z + other where x equals y, else other
inline Real multiply_add_equal(Real x, Real y, Real z, Real other) {
  return {_mm512_mask3_fmadd_ps(x.v, z.v, other.v, _mm512_cmp_ps_mask(x.v, y.v, _CMP_EQ_OQ))};
}
/// The second operand when either is NaN.
inline Real min(Real a, Real b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Real max(Real a, Real b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Real floor(Real x) { return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
inline Real select_less(Real x, Real y, Real less, Real other) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(x.v, y.v, _CMP_LT_OQ), other.v, less.v)};
}
/// Two floats from `table` + 2 * index for every lane: the first of each, and the second.
inline void load_pairs(const float* table, Int index, Real& first, Real& second) {
  first = {_mm512_i32gather_ps(index.v, table, 8)}, second = {_mm512_i32gather_ps(index.v, table + 1, 8)};
}
inline Int bits_of(Real x) { return {_mm512_castps_si512(x.v)}; }
/// |x| > limit in any lane
inline bool any_beyond(Real x, float limit) {
  return _mm512_cmp_ps_mask(_mm512_abs_ps(x.v), _mm512_set1_ps(limit), _CMP_GT_OQ);
}
/// To the next integer below, and how far x is above it.
inline Int floored(Real x, Real& above) {
  above = {_mm512_reduce_ps(x.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
  return {_mm512_cvt_roundps_epi32(x.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
/// A bit for each lane of x < y.
inline void mark_less(Real x, Real y, std::uint16_t* marks) { *marks = _mm512_cmp_ps_mask(x.v, y.v, _CMP_LT_OQ); }
/// Which of 32 marks have bits.
inline std::uint32_t marked(const std::uint16_t* marks) {
  const __m512i x = _mm512_loadu_si512(marks);
  return _mm512_test_epi16_mask(x, x);
}
inline Real keep_lanes(Real x, Int mask) {
  return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x.v), mask.v))};
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
