#pragma once
/// Sixteen lanes, one channel group, on NEON; see avx512.hpp.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {
namespace {

struct Int {
  int32x4_t v[4];
};
struct Bytes {
  int8x16_t v;
};
struct Real {
  float32x4_t v[4];
};
struct Wide {
  float64x2_t v[8];
};

/// The same operation on every register of the operands.
template <class V, class F, class... X>
inline V each(F f, const X&... x) {
  V r;
  for (std::size_t i = 0; i < sizeof(r.v) / sizeof(r.v[0]); ++i) r.v[i] = f(x.v[i]...);
  return r;
}

inline Int load_int(const std::int32_t* p) {
  return {{vld1q_s32(p), vld1q_s32(p + 4), vld1q_s32(p + 8), vld1q_s32(p + 12)}};
}
inline Int widen(int16x8_t a, int16x8_t b) {
  return {{vmovl_s16(vget_low_s16(a)), vmovl_high_s16(a), vmovl_s16(vget_low_s16(b)), vmovl_high_s16(b)}};
}
/// Eight lanes of each.
inline Int load_halves(const void* a, const void* b) {
  const auto *x = static_cast<const std::int32_t*>(a), *y = static_cast<const std::int32_t*>(b);
  return {{vld1q_s32(x), vld1q_s32(x + 4), vld1q_s32(y), vld1q_s32(y + 4)}};
}
inline Int splat_halves(std::int32_t a, std::int32_t b) {
  return {{vdupq_n_s32(a), vdupq_n_s32(a), vdupq_n_s32(b), vdupq_n_s32(b)}};
}
inline Int load_i16(const void* p) {
  const auto* q = static_cast<const std::int16_t*>(p);
  return widen(vld1q_s16(q), vld1q_s16(q + 8));
}
inline Int load_i8(const void* p) {
  const int8x16_t x = vld1q_s8(static_cast<const std::int8_t*>(p));
  return widen(vmovl_s8(vget_low_s8(x)), vmovl_high_s8(x));
}
inline Int splat(std::int32_t x) {
  const int32x4_t v = vdupq_n_s32(x);
  return {{v, v, v, v}};
}
inline void store_int(void* p, Int x) {
  for (int i = 0; i < 4; ++i) vst1q_s32(static_cast<std::int32_t*>(p) + 4 * i, x.v[i]);
}
inline void store_i16(void* p, Int x) {
  auto* q = static_cast<std::int16_t*>(p);
  vst1q_s16(q, vmovn_high_s32(vmovn_s32(x.v[0]), x.v[1]));
  vst1q_s16(q + 8, vmovn_high_s32(vmovn_s32(x.v[2]), x.v[3]));
}
/// Saturates.
inline Bytes to_bytes(Int x) {
  const int16x8_t a = vqmovn_high_s32(vqmovn_s32(x.v[0]), x.v[1]), b = vqmovn_high_s32(vqmovn_s32(x.v[2]), x.v[3]);
  return {vqmovn_high_s16(vqmovn_s16(a), b)};
}
inline void store_i8(void* p, Bytes x) { vst1q_s8(static_cast<std::int8_t*>(p), x.v); }
inline void store_i8(void* p, Int x) { store_i8(p, to_bytes(x)); }
inline Bytes upper_half(Bytes x) { return {vcombine_s8(vget_high_s8(x.v), vdup_n_s8(0))}; }
inline Bytes operator&(Bytes x, Bytes y) { return {vandq_s8(x.v, y.v)}; }
template <class Index>
inline int8x8_t look_up_8(const std::uint8_t* table, const Index* at) {
  uint8x8_t x = vdup_n_u8(table[at[0]]);
  x = vld1_lane_u8(table + at[1], x, 1), x = vld1_lane_u8(table + at[2], x, 2);
  x = vld1_lane_u8(table + at[3], x, 3), x = vld1_lane_u8(table + at[4], x, 4);
  x = vld1_lane_u8(table + at[5], x, 5), x = vld1_lane_u8(table + at[6], x, 6);
  return vreinterpret_s8_u8(vld1_lane_u8(table + at[7], x, 7));
}
template <class Index>
inline Bytes look_up_16(const std::uint8_t* table, const Index* at, int lanes) {
  return {vcombine_s8(look_up_8(table, at), lanes > 8 ? look_up_8(table, at + 8) : vdup_n_s8(0))};
}
inline Bytes look_up_bytes(const std::uint8_t* table, Int index, int lanes) {
  std::int32_t at[16];
  store_int(at, index);
  return look_up_16(table, at, lanes);
}
constexpr int kStoredPixels = 2;
inline void store_i8(std::byte* p, std::ptrdiff_t pixel, const Int (&x)[kStoredPixels]) {
  store_i8(p, x[0]);
  store_i8(p + pixel, x[1]);
}

/// Sixteen lanes in 16 bits.
struct Words {
  uint16x8_t v[2];
};
/// Saturates, from 0 on.
inline Words to_words(Int x) {
  return {{vqmovun_high_s32(vqmovun_s32(x.v[0]), x.v[1]), vqmovun_high_s32(vqmovun_s32(x.v[2]), x.v[3])}};
}
inline Words words(int x) {
  const uint16x8_t v = vdupq_n_u16(static_cast<std::uint16_t>(x));
  return {{v, v}};
}
inline Words load_words(const std::uint16_t* p) { return {{vld1q_u16(p), vld1q_u16(p + 8)}}; }
inline void store_words(std::uint16_t* p, Words x) { vst1q_u16(p, x.v[0]), vst1q_u16(p + 8, x.v[1]); }
inline Words min(Words x, Words y) {
  return each<Words>([](uint16x8_t a, uint16x8_t b) { return vminq_u16(a, b); }, x, y);
}
inline Words operator&(Words x, Words y) {
  return each<Words>([](uint16x8_t a, uint16x8_t b) { return vandq_u16(a, b); }, x, y);
}
inline Words operator>>(Words x, int n) {
  const int16x8_t count = vdupq_n_s16(static_cast<std::int16_t>(-n));
  return each<Words>([count](uint16x8_t a) { return vshlq_u16(a, count); }, x);
}
/// table[at[i]] for the lanes of such words.
inline Bytes load_results(const std::uint8_t* table, const std::uint16_t* at) { return look_up_16(table, at, 16); }
/// As many results as a vector has bytes take the time of about so many operations (a guess).
constexpr int kLoadCost = 160;
/// Two times sixteen lanes in bytes; comparisons have 0xff, which is -1, for true.
struct BytePair {
  uint8x16_t v[2];
};
inline BytePair narrow(Words x, Words y) {  // below 256
  return {{vmovn_high_u16(vmovn_u16(x.v[0]), x.v[1]), vmovn_high_u16(vmovn_u16(y.v[0]), y.v[1])}};
}
inline BytePair byte_pair(int x) {
  const uint8x16_t v = vdupq_n_u8(static_cast<std::uint8_t>(x));
  return {{v, v}};
}
inline BytePair operator+(BytePair x, BytePair y) {
  return each<BytePair>([](uint8x16_t a, uint8x16_t b) { return vaddq_u8(a, b); }, x, y);
}
inline BytePair operator-(BytePair x, BytePair y) {
  return each<BytePair>([](uint8x16_t a, uint8x16_t b) { return vsubq_u8(a, b); }, x, y);
}
inline BytePair operator^(BytePair x, BytePair y) {
  return each<BytePair>([](uint8x16_t a, uint8x16_t b) { return veorq_u8(a, b); }, x, y);
}
inline BytePair operator|(BytePair x, BytePair y) {
  return each<BytePair>([](uint8x16_t a, uint8x16_t b) { return vorrq_u8(a, b); }, x, y);
}
inline BytePair no_less(BytePair x, BytePair y) {
  return each<BytePair>([](uint8x16_t a, uint8x16_t b) { return vcgeq_u8(a, b); }, x, y);
}
/// Of two pixels, lanes of `keep` only.
inline void store_pixels(std::byte* p, std::ptrdiff_t pixel, BytePair x, Bytes keep, int count) {
  store_i8(p, Bytes{vandq_s8(vreinterpretq_s8_u8(x.v[0]), keep.v)});
  if (count > 1) store_i8(p + pixel, Bytes{vandq_s8(vreinterpretq_s8_u8(x.v[1]), keep.v)});
}
/// Look-up of every lane in a table of kTableEntries bytes; 0 for other indices.
constexpr int kTableEntries = 64;
/// Of tables with up to so many places registers hold what two pairs of pixels find; none.
constexpr int kPlacesOfTwoPairs = -1;
using TableIndex = BytePair;
inline BytePair look_up(const std::uint8_t* table, TableIndex index) {
  const uint8x16x4_t entries = vld1q_u8_x4(table);
  return each<BytePair>([&](uint8x16_t i) { return vqtbl4q_u8(entries, i); }, index);
}

/// Sixteen lanes of 16 bits with a sign, in order; sums wrap.
struct Shorts {
  int16x8_t v[2];
};
inline Shorts widen_i8(const void* p) {
  const int8x16_t x = vld1q_s8(static_cast<const std::int8_t*>(p));
  return {{vmovl_s8(vget_low_s8(x)), vmovl_high_s8(x)}};
}
inline Shorts load_short(const void* p) {
  const auto* q = static_cast<const std::int16_t*>(p);
  return {{vld1q_s16(q), vld1q_s16(q + 8)}};
}
inline void store_short(void* p, Shorts x) {
  auto* q = static_cast<std::int16_t*>(p);
  vst1q_s16(q, x.v[0]), vst1q_s16(q + 8, x.v[1]);
}
inline Shorts operator+(Shorts x, Shorts y) {
  return each<Shorts>([](int16x8_t a, int16x8_t b) { return vaddq_s16(a, b); }, x, y);
}
inline Shorts operator-(Shorts x, Shorts y) {
  return each<Shorts>([](int16x8_t a, int16x8_t b) { return vsubq_s16(a, b); }, x, y);
}
template <int N>
inline Shorts shift_left(Shorts x) {
  return each<Shorts>([](int16x8_t a) { return vshlq_n_s16(a, N); }, x);
}
template <int N>
inline Int shift_left(Int x) {
  return each<Int>([](int32x4_t a) { return vshlq_n_s32(a, N); }, x);
}

inline Int operator+(Int x, Int y) {
  return each<Int>([](int32x4_t a, int32x4_t b) { return vaddq_s32(a, b); }, x, y);
}
inline Int operator-(Int x, Int y) {
  return each<Int>([](int32x4_t a, int32x4_t b) { return vsubq_s32(a, b); }, x, y);
}
inline Int operator*(Int x, Int y) {
  return each<Int>([](int32x4_t a, int32x4_t b) { return vmulq_s32(a, b); }, x, y);
}
inline Int operator&(Int x, Int y) {
  return each<Int>([](int32x4_t a, int32x4_t b) { return vandq_s32(a, b); }, x, y);
}
inline Int operator>>(Int x, int n) {
  const int32x4_t count = vdupq_n_s32(-n);
  return each<Int>([count](int32x4_t a) { return vshlq_s32(a, count); }, x);
}
inline Int min(Int x, Int y) {
  return each<Int>([](int32x4_t a, int32x4_t b) { return vminq_s32(a, b); }, x, y);
}
inline Int max(Int x, Int y) {
  return each<Int>([](int32x4_t a, int32x4_t b) { return vmaxq_s32(a, b); }, x, y);
}
/// NEON has no gather: one load a lane.
inline Int gather_i16(const std::int16_t* table, Int index) {
  std::int32_t at[16];
  store_int(at, index);
  for (auto& i : at) i = table[i];
  return load_int(at);
}

inline Int gather_i32(const std::int32_t* table, Int index) {
  std::int32_t at[16];
  store_int(at, index);
  for (auto& i : at) i = table[i];
  return load_int(at);
}
inline Int sign_extend_low(Int x) {
  return each<Int>([](int32x4_t a) { return vshrq_n_s32(vshlq_n_s32(a, 16), 16); }, x);
}
inline Int sign_extend_high(Int x) {
  return each<Int>([](int32x4_t a) { return vshrq_n_s32(a, 16); }, x);
}

inline Wide load_wide(const double* p) {
  Wide r;
  for (int i = 0; i < 8; ++i) r.v[i] = vld1q_f64(p + 2 * i);
  return r;
}
inline Wide splat(double x) {
  Wide r;
  for (auto& v : r.v) v = vdupq_n_f64(x);
  return r;
}
inline Wide to_wide(Int x) {
  Wide r;
  for (int i = 0; i < 4; ++i) {
    r.v[2 * i] = vcvtq_f64_s64(vmovl_s32(vget_low_s32(x.v[i])));
    r.v[2 * i + 1] = vcvtq_f64_s64(vmovl_high_s32(x.v[i]));
  }
  return r;
}
inline Int to_int(Wide x) {
  Int r;
  for (int i = 0; i < 4; ++i)
    r.v[i] = vmovn_high_s64(vmovn_s64(vcvtnq_s64_f64(x.v[2 * i])), vcvtnq_s64_f64(x.v[2 * i + 1]));
  return r;
}
inline Wide operator+(Wide x, Wide y) {
  return each<Wide>([](float64x2_t a, float64x2_t b) { return vaddq_f64(a, b); }, x, y);
}
inline Wide operator-(Wide x, Wide y) {
  return each<Wide>([](float64x2_t a, float64x2_t b) { return vsubq_f64(a, b); }, x, y);
}
inline Wide operator*(Wide x, Wide y) {
  return each<Wide>([](float64x2_t a, float64x2_t b) { return vmulq_f64(a, b); }, x, y);
}
inline Wide multiply_add(Wide x, Wide y, Wide z) {
  return each<Wide>([](float64x2_t a, float64x2_t b, float64x2_t c) { return vfmaq_f64(c, a, b); }, x, y, z);
}
inline void store_wide(double* p, Wide x) {
  for (int i = 0; i < 8; ++i) vst1q_f64(p + 2 * i, x.v[i]);
}
inline Wide min(Wide x, Wide y) {
  return each<Wide>([](float64x2_t a, float64x2_t b) { return vminq_f64(a, b); }, x, y);
}
inline Wide max(Wide x, Wide y) {
  return each<Wide>([](float64x2_t a, float64x2_t b) { return vmaxq_f64(a, b); }, x, y);
}
inline Wide round_even(Wide x) {
  return each<Wide>([](float64x2_t a) { return vrndnq_f64(a); }, x);
}
inline Wide round_away(Wide x) {
  return each<Wide>([](float64x2_t a) { return vrndaq_f64(a); }, x);
}
inline Wide select_less(Wide x, Wide y, Wide less, Wide other) {
  return each<Wide>(
      [](float64x2_t a, float64x2_t b, float64x2_t l, float64x2_t o) { return vbslq_f64(vcltq_f64(a, b), l, o); }, x, y,
      less, other);
}
inline bool any_unequal(Int x, Int y) {
  uint32x4_t equal = vdupq_n_u32(~std::uint32_t{0});
  for (int i = 0; i < 4; ++i) equal = vandq_u32(equal, vceqq_s32(x.v[i], y.v[i]));
  return vminvq_u32(equal) == 0;
}
inline bool any_unequal(Wide x, Wide y) {
  uint64x2_t equal = vdupq_n_u64(~std::uint64_t{0});
  for (int i = 0; i < 8; ++i) equal = vandq_u64(equal, vceqq_f64(x.v[i], y.v[i]));
  return (vgetq_lane_u64(equal, 0) & vgetq_lane_u64(equal, 1)) != ~std::uint64_t{0};
}

inline Real load_real(const float* p) {
  return {{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}
inline Real load_f16(const void* p) {
  const auto* q = static_cast<const std::uint16_t*>(p);
  const float16x8_t a = vreinterpretq_f16_u16(vld1q_u16(q)), b = vreinterpretq_f16_u16(vld1q_u16(q + 8));
  return {{vcvt_f32_f16(vget_low_f16(a)), vcvt_high_f32_f16(a), vcvt_f32_f16(vget_low_f16(b)), vcvt_high_f32_f16(b)}};
}
inline Real load_bf16(const void* p) {
  const auto* q = static_cast<const std::uint16_t*>(p);
  Real r;
  for (int i = 0; i < 4; ++i) r.v[i] = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(q + 4 * i), 16));
  return r;
}
inline Real splat(float x) {
  const float32x4_t v = vdupq_n_f32(x);
  return {{v, v, v, v}};
}
inline void store_real(void* p, Real x) {
  for (int i = 0; i < 4; ++i) vst1q_f32(static_cast<float*>(p) + 4 * i, x.v[i]);
}
inline void store_f16(void* p, Real x) {
  auto* q = static_cast<std::uint16_t*>(p);
  vst1q_u16(q, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(x.v[0]), x.v[1])));
  vst1q_u16(q + 8, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(x.v[2]), x.v[3])));
}
/// The upper halves, to nearest, ties to even; a NaN stays one.
inline void store_bf16(void* p, Real x) {
  for (int i = 0; i < 4; ++i) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x.v[i]), top = vshrq_n_u32(bits, 16);
    const uint32x4_t bias = vaddq_u32(vandq_u32(top, vdupq_n_u32(1)), vdupq_n_u32(0x7fff));
    const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(bits, bias), 16);
    const uint32x4_t number = vceqq_f32(x.v[i], x.v[i]);
    const uint32x4_t y = vbslq_u32(number, rounded, vorrq_u32(top, vdupq_n_u32(0x40)));
    vst1_u16(static_cast<std::uint16_t*>(p) + 4 * i, vmovn_u32(y));
  }
}
inline Real to_real(Int x) {
  return each<Real>([](int32x4_t a) { return vcvtq_f32_s32(a); }, x);
}
inline Real to_real(Wide x) {
  Real r;
  for (int i = 0; i < 4; ++i) r.v[i] = vcvt_high_f32_f64(vcvt_f32_f64(x.v[2 * i]), x.v[2 * i + 1]);
  return r;
}
inline Int to_int(Real x) {
  return each<Int>([](float32x4_t a) { return vcvtnq_s32_f32(a); }, x);
}
inline Real operator+(Real x, Real y) {
  return each<Real>([](float32x4_t a, float32x4_t b) { return vaddq_f32(a, b); }, x, y);
}
inline Real operator-(Real x, Real y) {
  return each<Real>([](float32x4_t a, float32x4_t b) { return vsubq_f32(a, b); }, x, y);
}
inline Real operator*(Real x, Real y) {
  return each<Real>([](float32x4_t a, float32x4_t b) { return vmulq_f32(a, b); }, x, y);
}
inline Real operator/(Real x, Real y) {
  return each<Real>([](float32x4_t a, float32x4_t b) { return vdivq_f32(a, b); }, x, y);
}
inline Real multiply_add(Real x, Real y, Real z) {
  return each<Real>([](float32x4_t a, float32x4_t b, float32x4_t c) { return vfmaq_f32(c, a, b); }, x, y, z);
}
inline Real product_minus(Real x, Real y, Real z) {
  return each<Real>([](float32x4_t a, float32x4_t b, float32x4_t c) { return vfmaq_f32(vnegq_f32(c), a, b); }, x, y, z);
}
inline Real half_like(Real x) {
  return each<Real>([](float32x4_t a) { return vbslq_f32(vdupq_n_u32(0x80000000u), a, vdupq_n_f32(0.5f)); }, x);
}
inline Real multiply_add_equal(Real x, Real y, Real z, Real other) {
  const Real equal = each<Real>(
      [](float32x4_t a, float32x4_t b) {
        return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vceqq_f32(a, b)));
      },
      x, y);
  return multiply_add(equal, z, other);
}
/// The second operand when either is NaN, which NEON's own minimum does not promise.
inline Real min(Real x, Real y) {
  return each<Real>([](float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }, x, y);
}
inline Real max(Real x, Real y) {
  return each<Real>([](float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }, x, y);
}
inline Real floor(Real x) {
  return each<Real>([](float32x4_t a) { return vrndmq_f32(a); }, x);
}
inline Real select_less(Real x, Real y, Real less, Real other) {
  return each<Real>(
      [](float32x4_t a, float32x4_t b, float32x4_t l, float32x4_t o) { return vbslq_f32(vcltq_f32(a, b), l, o); }, x, y,
      less, other);
}
/// Two floats from `table` + 2 * index for every lane: the first of each, and the second.
inline void load_pairs(const float* table, Int index, Real& first, Real& second) {
  std::int32_t at[16];
  store_int(at, index);
  for (int i = 0; i < 4; ++i) {
    const auto pair = [&](int lane) { return vld1_f32(table + 2 * std::ptrdiff_t{at[4 * i + lane]}); };
    const float32x4_t x = vcombine_f32(pair(0), pair(1)), y = vcombine_f32(pair(2), pair(3));
    first.v[i] = vuzp1q_f32(x, y), second.v[i] = vuzp2q_f32(x, y);
  }
}
inline Int bits_of(Real x) {
  return each<Int>([](float32x4_t a) { return vreinterpretq_s32_f32(a); }, x);
}
/// To the next integer below, and how far x is above it.
inline Int floored(Real x, Real& above) {
  const Real whole = floor(x);
  above = x - whole;
  return to_int(whole);
}
/// Bits where any lane has x < y.
inline void mark_less(Real x, Real y, std::uint16_t* marks) {
  uint32x4_t less = vdupq_n_u32(0);
  for (int i = 0; i < 4; ++i) less = vorrq_u32(less, vcltq_f32(x.v[i], y.v[i]));
  *marks = static_cast<std::uint16_t>(vmaxvq_u32(less));
}
/// Which of 32 marks have bits.
inline std::uint32_t marked(const std::uint16_t* marks) {
  std::uint32_t bits = 0;
  for (int i = 0; i < 32; ++i) bits |= std::uint32_t{marks[i] != 0} << i;
  return bits;
}
inline bool any_beyond(Real x, float limit) {
  uint32x4_t beyond = vdupq_n_u32(0);
  for (auto v : x.v) beyond = vorrq_u32(beyond, vcagtq_f32(v, vdupq_n_f32(limit)));
  return vmaxvq_u32(beyond) != 0;
}
inline Real keep_lanes(Real x, Int mask) {
  Real r;
  for (int i = 0; i < 4; ++i) r.v[i] = vreinterpretq_f32_s32(vandq_s32(vreinterpretq_s32_f32(x.v[i]), mask.v[i]));
  return r;
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
