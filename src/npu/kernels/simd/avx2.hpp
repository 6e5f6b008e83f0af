#pragma once
/// Sixteen lanes, one channel group, on AVX2; see avx512.hpp.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "npu/kernels/simd/bytes_x86.hpp"

namespace ez_rknn::npu::kernels {
namespace {

struct Int {
  __m256i a, b;
};
struct Real {
  __m256 a, b;
};
struct Wide {
  __m256d a, b, c, d;
};

inline const __m128i* at128(const void* p) { return static_cast<const __m128i*>(p); }
inline Int load_int(const std::int32_t* p) {
  const auto* q = reinterpret_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
}
/// Eight lanes of each.
inline Int load_halves(const void* a, const void* b) {
  return {_mm256_loadu_si256(static_cast<const __m256i*>(a)), _mm256_loadu_si256(static_cast<const __m256i*>(b))};
}
inline Int splat_halves(std::int32_t a, std::int32_t b) { return {_mm256_set1_epi32(a), _mm256_set1_epi32(b)}; }
inline Int load_i16(const void* p) {
  return {_mm256_cvtepi16_epi32(_mm_loadu_si128(at128(p))), _mm256_cvtepi16_epi32(_mm_loadu_si128(at128(p) + 1))};
}
inline Int load_i8(const void* p) {
  const __m128i x = _mm_loadu_si128(at128(p));
  return {_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(_mm_srli_si128(x, 8))};
}
inline Int splat(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
inline void store_int(void* p, Int x) {
  auto* q = static_cast<__m256i*>(p);
  _mm256_storeu_si256(q, x.a);
  _mm256_storeu_si256(q + 1, x.b);
}
inline __m256i narrow16(Int x) {  // packs works on halves: put the quarters back in order
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xd8);
}
inline void store_i16(void* p, Int x) { _mm256_storeu_si256(static_cast<__m256i*>(p), narrow16(x)); }
inline Bytes to_bytes(Int x) {
  const __m256i w = narrow16(x);
  return {_mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1))};
}
inline void store_i8(void* p, Int x) { store_i8(p, to_bytes(x)); }
/// One load a lane, faster than a gather.
inline __m128i look_up_8(const std::uint8_t* table, const std::int32_t* at) {
  __m128i x = _mm_cvtsi32_si128(table[at[0]]);
  x = _mm_insert_epi8(x, table[at[1]], 1), x = _mm_insert_epi8(x, table[at[2]], 2);
  x = _mm_insert_epi8(x, table[at[3]], 3), x = _mm_insert_epi8(x, table[at[4]], 4);
  x = _mm_insert_epi8(x, table[at[5]], 5), x = _mm_insert_epi8(x, table[at[6]], 6);
  return _mm_insert_epi8(x, table[at[7]], 7);
}
/// table[index] of the first 8 or 16 lanes, as many as hold `lanes`; 0 in the others.
inline Bytes look_up_bytes(const std::uint8_t* table, Int index, int lanes) {
  alignas(32) std::int32_t at[16];
  store_int(at, index);
  const __m128i low = look_up_8(table, at);
  return {lanes > 8 ? _mm_unpacklo_epi64(low, look_up_8(table, at + 8)) : low};
}
constexpr int kStoredPixels = 2;
inline void store_i8(std::byte* p, std::ptrdiff_t pixel, const Int (&x)[kStoredPixels]) {
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(x[0].a, x[0].b), _mm256_packs_epi32(x[1].a, x[1].b));
  const __m256i pixels = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(pixels));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + pixel), _mm256_extracti128_si256(pixels, 1));
}

/// Sixteen lanes in 16 bits, in the order that packing leaves them in.
struct Words {
  __m256i v;
};
/// Saturates, from 0 on.
inline Words to_words(Int x) { return {_mm256_packus_epi32(x.a, x.b)}; }
inline Words words(int x) { return {_mm256_set1_epi16(static_cast<short>(x))}; }
inline Words load_words(const std::uint16_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
inline void store_words(std::uint16_t* p, Words x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.v); }
inline Words min(Words x, Words y) { return {_mm256_min_epu16(x.v, y.v)}; }
inline Words operator&(Words x, Words y) { return {_mm256_and_si256(x.v, y.v)}; }
inline Words operator>>(Words x, int n) { return {_mm256_srl_epi16(x.v, _mm_cvtsi32_si128(n))}; }
/// table[at[i]] for the lanes of such words.
inline __m128i load_results(const std::uint8_t* table, const std::uint16_t* a, const std::uint16_t* b) {
  __m128i x = _mm_cvtsi32_si128(table[a[0]]);
  x = _mm_insert_epi8(x, table[a[1]], 1), x = _mm_insert_epi8(x, table[a[2]], 2);
  x = _mm_insert_epi8(x, table[a[3]], 3), x = _mm_insert_epi8(x, table[b[0]], 4);
  x = _mm_insert_epi8(x, table[b[1]], 5), x = _mm_insert_epi8(x, table[b[2]], 6);
  return _mm_insert_epi8(x, table[b[3]], 7);
}
inline Bytes load_results(const std::uint8_t* table, const std::uint16_t* at) {
  return {_mm_unpacklo_epi64(load_results(table, at, at + 8), load_results(table, at + 4, at + 12))};
}
/// As many results as a vector has bytes take the time of about so many operations.
constexpr int kLoadCost = 66;
/// Two times sixteen lanes in bytes; comparisons have 0xff, which is -1, for true.
struct BytePair {
  __m256i v;
};
inline BytePair narrow(Words x, Words y) { return {_mm256_packus_epi16(x.v, y.v)}; }  // below 256
inline BytePair byte_pair(int x) { return {_mm256_set1_epi8(static_cast<char>(x))}; }
inline BytePair operator+(BytePair x, BytePair y) { return {_mm256_add_epi8(x.v, y.v)}; }
inline BytePair operator-(BytePair x, BytePair y) { return {_mm256_sub_epi8(x.v, y.v)}; }
inline BytePair operator^(BytePair x, BytePair y) { return {_mm256_xor_si256(x.v, y.v)}; }
inline BytePair operator|(BytePair x, BytePair y) { return {_mm256_or_si256(x.v, y.v)}; }
inline BytePair no_less(BytePair x, BytePair y) { return {_mm256_cmpeq_epi8(_mm256_max_epu8(x.v, y.v), x.v)}; }
/// Of two pixels, lanes of `keep` only.
inline void store_pixels(std::byte* p, std::ptrdiff_t pixel, BytePair x, Bytes keep, int count) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i pixels = _mm256_and_si256(_mm256_permutevar8x32_epi32(x.v, order), _mm256_broadcastsi128_si256(keep.v));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(pixels));
  if (count > 1) _mm_storeu_si128(reinterpret_cast<__m128i*>(p + pixel), _mm256_extracti128_si256(pixels, 1));
}
/// Look-up of every lane in a table of kTableEntries bytes; 0 for other indices.
constexpr int kTableEntries = 16;
/// Of tables with up to so many places registers hold what two pairs of pixels find.
constexpr int kPlacesOfTwoPairs = 4;
struct TableIndex {
  TableIndex() = default;
  explicit TableIndex(BytePair index) : v(_mm256_adds_epu8(index.v, _mm256_set1_epi8(0x70))) {}  // others to 128 and up
  __m256i v;
};
inline BytePair look_up(const std::uint8_t* table, TableIndex index) {
  return {_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(at128(table))), index.v)};
}

/// Sixteen lanes of 16 bits with a sign, in order; sums wrap.
struct Shorts {
  __m256i v;
};
inline Shorts widen_i8(const void* p) { return {_mm256_cvtepi8_epi16(_mm_loadu_si128(at128(p)))}; }
inline Shorts load_short(const void* p) { return {_mm256_loadu_si256(static_cast<const __m256i*>(p))}; }
inline void store_short(void* p, Shorts x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x.v); }
inline Shorts operator+(Shorts x, Shorts y) { return {_mm256_add_epi16(x.v, y.v)}; }
inline Shorts operator-(Shorts x, Shorts y) { return {_mm256_sub_epi16(x.v, y.v)}; }
template <int N>
inline Shorts shift_left(Shorts x) {
  return {_mm256_slli_epi16(x.v, N)};
}
template <int N>
inline Int shift_left(Int x) {
  return {_mm256_slli_epi32(x.a, N), _mm256_slli_epi32(x.b, N)};
}

inline Int operator+(Int x, Int y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
inline Int operator-(Int x, Int y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
inline Int operator*(Int x, Int y) { return {_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
inline Int operator&(Int x, Int y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
inline Int operator>>(Int x, int n) {
  const __m128i count = _mm_cvtsi32_si128(n);
  return {_mm256_sra_epi32(x.a, count), _mm256_sra_epi32(x.b, count)};
}
inline Int min(Int x, Int y) { return {_mm256_min_epi32(x.a, y.a), _mm256_min_epi32(x.b, y.b)}; }
inline Int max(Int x, Int y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
inline __m256i gather8_i16(const std::int16_t* table, __m256i index) {
  const auto* base = reinterpret_cast<const int*>(table);
  return _mm256_srai_epi32(_mm256_slli_epi32(_mm256_i32gather_epi32(base, index, 2), 16), 16);
}
inline Int gather_i16(const std::int16_t* table, Int index) {
  return {gather8_i16(table, index.a), gather8_i16(table, index.b)};
}

inline Int gather_i32(const std::int32_t* table, Int index) {
  return {_mm256_i32gather_epi32(table, index.a, 4), _mm256_i32gather_epi32(table, index.b, 4)};
}
inline Int sign_extend_low(Int x) {
  return {_mm256_srai_epi32(_mm256_slli_epi32(x.a, 16), 16), _mm256_srai_epi32(_mm256_slli_epi32(x.b, 16), 16)};
}
inline Int sign_extend_high(Int x) { return {_mm256_srai_epi32(x.a, 16), _mm256_srai_epi32(x.b, 16)}; }

inline Wide load_wide(const double* p) {
  return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4), _mm256_loadu_pd(p + 8), _mm256_loadu_pd(p + 12)};
}
inline Wide splat(double x) { return {_mm256_set1_pd(x), _mm256_set1_pd(x), _mm256_set1_pd(x), _mm256_set1_pd(x)}; }
inline Wide to_wide(Int x) {
  return {_mm256_cvtepi32_pd(_mm256_castsi256_si128(x.a)), _mm256_cvtepi32_pd(_mm256_extracti128_si256(x.a, 1)),
          _mm256_cvtepi32_pd(_mm256_castsi256_si128(x.b)), _mm256_cvtepi32_pd(_mm256_extracti128_si256(x.b, 1))};
}
inline Int to_int(Wide x) {
  return {_mm256_set_m128i(_mm256_cvtpd_epi32(x.b), _mm256_cvtpd_epi32(x.a)),
          _mm256_set_m128i(_mm256_cvtpd_epi32(x.d), _mm256_cvtpd_epi32(x.c))};
}
inline Wide operator+(Wide x, Wide y) {
  return {_mm256_add_pd(x.a, y.a), _mm256_add_pd(x.b, y.b), _mm256_add_pd(x.c, y.c), _mm256_add_pd(x.d, y.d)};
}
inline Wide operator-(Wide x, Wide y) {
  return {_mm256_sub_pd(x.a, y.a), _mm256_sub_pd(x.b, y.b), _mm256_sub_pd(x.c, y.c), _mm256_sub_pd(x.d, y.d)};
}
inline Wide operator*(Wide x, Wide y) {
  return {_mm256_mul_pd(x.a, y.a), _mm256_mul_pd(x.b, y.b), _mm256_mul_pd(x.c, y.c), _mm256_mul_pd(x.d, y.d)};
}
inline Wide multiply_add(Wide x, Wide y, Wide z) {
  return {_mm256_fmadd_pd(x.a, y.a, z.a), _mm256_fmadd_pd(x.b, y.b, z.b), _mm256_fmadd_pd(x.c, y.c, z.c),
          _mm256_fmadd_pd(x.d, y.d, z.d)};
}
inline void store_wide(double* p, Wide x) {
  _mm256_storeu_pd(p, x.a);
  _mm256_storeu_pd(p + 4, x.b);
  _mm256_storeu_pd(p + 8, x.c);
  _mm256_storeu_pd(p + 12, x.d);
}
inline Wide min(Wide x, Wide y) {
  return {_mm256_min_pd(x.a, y.a), _mm256_min_pd(x.b, y.b), _mm256_min_pd(x.c, y.c), _mm256_min_pd(x.d, y.d)};
}
inline Wide max(Wide x, Wide y) {
  return {_mm256_max_pd(x.a, y.a), _mm256_max_pd(x.b, y.b), _mm256_max_pd(x.c, y.c), _mm256_max_pd(x.d, y.d)};
}
inline __m256d nearest_even(__m256d x) { return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Wide round_even(Wide x) { return {nearest_even(x.a), nearest_even(x.b), nearest_even(x.c), nearest_even(x.d)}; }
inline __m256d half_away(__m256d x) {
  const __m256d half = _mm256_or_pd(_mm256_and_pd(x, _mm256_set1_pd(-0.0)), _mm256_set1_pd(0.5));
  return _mm256_round_pd(_mm256_add_pd(x, half), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
inline Wide round_away(Wide x) { return {half_away(x.a), half_away(x.b), half_away(x.c), half_away(x.d)}; }
inline __m256d pick_less(__m256d x, __m256d y, __m256d less, __m256d other) {
  return _mm256_blendv_pd(other, less, _mm256_cmp_pd(x, y, _CMP_LT_OQ));
}
inline Wide select_less(Wide x, Wide y, Wide less, Wide other) {
  return {pick_less(x.a, y.a, less.a, other.a), pick_less(x.b, y.b, less.b, other.b),
          pick_less(x.c, y.c, less.c, other.c), pick_less(x.d, y.d, less.d, other.d)};
}

inline bool any_unequal(Int x, Int y) {
  const __m256i equal = _mm256_and_si256(_mm256_cmpeq_epi32(x.a, y.a), _mm256_cmpeq_epi32(x.b, y.b));
  return _mm256_movemask_epi8(equal) != -1;
}
inline bool any_unequal(Wide x, Wide y) {
  const __m256d ab = _mm256_or_pd(_mm256_cmp_pd(x.a, y.a, _CMP_NEQ_UQ), _mm256_cmp_pd(x.b, y.b, _CMP_NEQ_UQ));
  const __m256d cd = _mm256_or_pd(_mm256_cmp_pd(x.c, y.c, _CMP_NEQ_UQ), _mm256_cmp_pd(x.d, y.d, _CMP_NEQ_UQ));
  return _mm256_movemask_pd(_mm256_or_pd(ab, cd)) != 0;
}

inline Real load_real(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline Real load_f16(const void* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(at128(p))), _mm256_cvtph_ps(_mm_loadu_si128(at128(p) + 1))};
}
inline __m256 widen_bf16(__m128i x) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16)); }
inline Real load_bf16(const void* p) {
  return {widen_bf16(_mm_loadu_si128(at128(p))), widen_bf16(_mm_loadu_si128(at128(p) + 1))};
}
inline Real splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline void store_real(void* p, Real x) {
  _mm256_storeu_ps(static_cast<float*>(p), x.a);
  _mm256_storeu_ps(static_cast<float*>(p) + 8, x.b);
}
inline void store_f16(void* p, Real x) {
  auto* q = static_cast<__m128i*>(p);
  _mm_storeu_si128(q, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  _mm_storeu_si128(q + 1, _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
/// The upper halves, to nearest, ties to even; a NaN stays one.
inline __m256i round_bf16(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x), top = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
  const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(_mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16),
                            _mm256_or_si256(top, _mm256_set1_epi32(0x40)), nan);
}
inline void store_bf16(void* p, Real x) {  // packus works on halves, see narrow16
  _mm256_storeu_si256(static_cast<__m256i*>(p),
                      _mm256_permute4x64_epi64(_mm256_packus_epi32(round_bf16(x.a), round_bf16(x.b)), 0xd8));
}
inline Real to_real(Int x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
inline Real to_real(Wide x) {
  return {_mm256_set_m128(_mm256_cvtpd_ps(x.b), _mm256_cvtpd_ps(x.a)),
          _mm256_set_m128(_mm256_cvtpd_ps(x.d), _mm256_cvtpd_ps(x.c))};
}
inline Int to_int(Real x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
inline Real operator+(Real x, Real y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
inline Real operator-(Real x, Real y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
inline Real operator*(Real x, Real y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
inline Real operator/(Real x, Real y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
inline Real multiply_add(Real x, Real y, Real z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
inline Real product_minus(Real x, Real y, Real z) {
  return {_mm256_fmsub_ps(x.a, y.a, z.a), _mm256_fmsub_ps(x.b, y.b, z.b)};
}
inline Real half_like(Real x) {
  const __m256 sign = _mm256_set1_ps(-0.0f), half = _mm256_set1_ps(0.5f);
  return {_mm256_or_ps(_mm256_and_ps(x.a, sign), half), _mm256_or_ps(_mm256_and_ps(x.b, sign), half)};
}
inline Real multiply_add_equal(Real x, Real y, Real z, Real other) {
  const Real equal = {_mm256_and_ps(x.a, _mm256_cmp_ps(x.a, y.a, _CMP_EQ_OQ)),
                      _mm256_and_ps(x.b, _mm256_cmp_ps(x.b, y.b, _CMP_EQ_OQ))};
  return multiply_add(equal, z, other);
}
inline Real min(Real x, Real y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
inline Real max(Real x, Real y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
inline Real floor(Real x) { return {_mm256_floor_ps(x.a), _mm256_floor_ps(x.b)}; }
inline Real select_less(Real x, Real y, Real less, Real other) {
  return {_mm256_blendv_ps(other.a, less.a, _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ)),
          _mm256_blendv_ps(other.b, less.b, _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ))};
}
/// Two floats from `table` + 2 * index for every lane: the first of each, and the second. By loads of 64 bits: the
/// CPUs' gathers of as many lanes take longer.
inline void load_pairs(const float* table, __m256i index, __m256& first, __m256& second) {
  const __m128i low = _mm256_castsi256_si128(index), high = _mm256_extracti128_si256(index, 1);
  const auto two = [table](long long indices) {
    const auto* a = reinterpret_cast<const __m128i*>(table + 2 * static_cast<std::ptrdiff_t>(std::int32_t(indices)));
    const auto* b = reinterpret_cast<const __m64*>(table + 2 * static_cast<std::ptrdiff_t>(indices >> 32));
    return _mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64(a)), b);
  };
  const __m256 x = _mm256_set_m128(two(_mm_cvtsi128_si64(high)), two(_mm_cvtsi128_si64(low)));
  const __m256 y = _mm256_set_m128(two(_mm_extract_epi64(high, 1)), two(_mm_extract_epi64(low, 1)));
  first = _mm256_shuffle_ps(x, y, 0x88), second = _mm256_shuffle_ps(x, y, 0xdd);
}
inline void load_pairs(const float* table, Int index, Real& first, Real& second) {
  load_pairs(table, index.a, first.a, second.a);
  load_pairs(table, index.b, first.b, second.b);
}
inline Int bits_of(Real x) { return {_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }
/// |x| > limit in any lane
/// To the next integer below, and how far x is above it.
inline Int floored(Real x, Real& above) {
  const Real whole = floor(x);
  above = x - whole;
  return to_int(whole);
}
/// A bit for each lane of x < y.
inline void mark_less(Real x, Real y, std::uint16_t* marks) {
  const int a = _mm256_movemask_ps(_mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ));
  const int b = _mm256_movemask_ps(_mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ));
  *marks = static_cast<std::uint16_t>(a | b << 8);
}
/// Which of 32 marks have bits.
inline std::uint32_t marked(const std::uint16_t* marks) {
  const auto* x = reinterpret_cast<const __m256i*>(marks);
  const __m256i zero = _mm256_setzero_si256();
  const __m256i a = _mm256_cmpeq_epi16(_mm256_loadu_si256(x), zero);
  const __m256i b = _mm256_cmpeq_epi16(_mm256_loadu_si256(x + 1), zero);
  const __m256i none = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8);
  return ~static_cast<std::uint32_t>(_mm256_movemask_epi8(none));
}
inline bool any_beyond(Real x, float limit) {
  const __m256 sign = _mm256_set1_ps(-0.0f), most = _mm256_set1_ps(limit);
  const __m256 a = _mm256_cmp_ps(_mm256_andnot_ps(sign, x.a), most, _CMP_GT_OQ);
  const __m256 b = _mm256_cmp_ps(_mm256_andnot_ps(sign, x.b), most, _CMP_GT_OQ);
  return _mm256_movemask_ps(_mm256_or_ps(a, b)) != 0;
}
inline Real keep_lanes(Real x, Int mask) {
  return {_mm256_and_ps(x.a, _mm256_castsi256_ps(mask.a)), _mm256_and_ps(x.b, _mm256_castsi256_ps(mask.b))};
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
