#pragma once
/// tail_bytes.hpp without a load from memory for each value: sixty-four of them at once find their segment in tables of
/// 256 bytes (two vpermi2b), then count the places they have passed in it.
/// Included after simd/avx512.hpp and tail_exact.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

inline __m512i look_up_256(const std::uint8_t* table, __m512i index, __mmask64 upper) {
  const __m512i low = _mm512_permutex2var_epi8(_mm512_loadu_si512(table), index, _mm512_loadu_si512(table + 64));
  const __m512i high =
      _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), index, _mm512_loadu_si512(table + 192));
  return _mm512_mask_blend_epi8(upper, low, high);
}

/// Four pixels of a channel group: results in the order vpack leaves bytes in, and which of them are not certain.
struct Found {
  __m512i value;
  __mmask64 open;
};

/// @param h  as SegmentParams defines it
inline Found find(const SegmentTables& s, const Int* h) {
  const __m512i a = _mm512_packus_epi32(h[0].v, h[1].v), b = _mm512_packus_epi32(h[2].v, h[3].v);
  const __m512i low_byte = _mm512_set1_epi16(255);
  const __m512i segment = _mm512_packus_epi16(_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8));
  const __m512i place = _mm512_packus_epi16(_mm512_and_si512(a, low_byte), _mm512_and_si512(b, low_byte));
  const __mmask64 upper = _mm512_movepi8_mask(segment);
  Found found{_mm512_setzero_si512(), 0};
  for (int k = 0; k < s.places; ++k) {
    const __m512i at = look_up_256(s.place[k], segment, upper);
    const __mmask64 passed = _mm512_cmpgt_epu8_mask(place, at);
    found.value = _mm512_mask_add_epi8(found.value, passed, found.value, _mm512_set1_epi8(1));
    found.open |= _mm512_cmpeq_epi8_mask(place, at);
  }
  found.open &= _mm512_testn_epi8_mask(place, _mm512_set1_epi8(1));
  if (s.falls) {
    const __m512i down = look_up_256(s.down, segment, upper);
    found.value = _mm512_sub_epi8(_mm512_xor_si512(found.value, down), down);
  }
  found.value = _mm512_add_epi8(look_up_256(s.start, segment, upper), found.value);
  return found;
}

/// Halves away from zero; in the range of int32.
inline Int to_int_away(Wide x) {
  const __m512d sign = _mm512_set1_pd(-0.0), half = _mm512_set1_pd(0.5);
  const __m256i a = _mm512_cvttpd_epi32(_mm512_add_pd(x.a, _mm512_or_pd(_mm512_and_pd(x.a, sign), half)));
  const __m256i b = _mm512_cvttpd_epi32(_mm512_add_pd(x.b, _mm512_or_pd(_mm512_and_pd(x.b, sign), half)));
  return {_mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1)};
}

/// How a block computes h of a channel group's accumulators: with one slope, with one for each sign, or exactly.
struct OneSlope {
  Real slope;
  __m512 low, high;

  OneSlope(const SegmentParams& s, std::size_t channel)
      : slope(load_real(s.slope + channel)),
        low(_mm512_set1_ps(s.intercept_low)),
        high(_mm512_set1_ps(s.intercept_high)) {}
  Int at(Real v, Real m) const {
    return to_int(Real{_mm512_fmadd_ps(v.v, m.v, low)}) + to_int(Real{_mm512_fmadd_ps(v.v, m.v, high)});
  }
  Int operator()(Int x) const { return at(to_real(x), slope); }
};
struct TwoSlopes : OneSlope {
  Real negative;

  TwoSlopes(const SegmentParams& s, std::size_t channel)
      : OneSlope(s, channel), negative(load_real(s.slope_negative + channel)) {}
  Int operator()(Int x) const {
    const Real v = to_real(x);
    return at(v, select_less(v, splat(0.0f), negative, slope));
  }
};
struct Rounded {
  Wide bs, bn, added;
  Int shift;

  Rounded(const SegmentParams& s, std::size_t channel)
      : bs(load_wide(s.bs + channel)),
        bn(load_wide(s.bn + channel)),
        added(load_wide(s.added + channel)),
        shift(splat(1 - s.twice_first)) {}
  Int operator()(Int x) const {
    const Int input = to_int_away(multiply_add(round_away(to_wide(x) * bs), bn, added));
    return input + input + shift;
  }
};

template <class H>
inline void segments_block(const TailParams& t, const TailTile& tile) {
  const SegmentParams& s = *t.segments;
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Int lanes = load_int(t.lanes + channel), bias = load_int(s.bias + channel);
    const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
    const H h_of(s, channel);
    const __m512i keep = _mm512_broadcast_i32x4(_mm512_cvtepi32_epi8(lanes.v));
    for (int p = 0; p < tile.pixels; p += 4) {
      const int count = tile.pixels - p < 4 ? tile.pixels - p : 4;
      Int h[4];
      __mmask64 open = 0;
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        h[i] = h_of(sum_of(tile, i < count ? p + i : p, g, factor) + bias);
        if (s.ends) {
          const __mmask16 under = _mm512_cmplt_epi32_mask(h[i].v, _mm512_set1_epi32(2));
          const __mmask16 over = _mm512_cmpgt_epi32_mask(h[i].v, _mm512_set1_epi32(s.highest));
          if (under | over) open |= 0x000f000f000f000full << (4 * i);
        }
      }
      const Found found = find(s.tables, h);
      std::byte* out = tile.out + p * tile.out_pixel + channel;
      store_pixels(out, tile.out_pixel, _mm512_and_si512(transpose_square(found.value), keep), count);
      open |= found.open;
      if (open) [[unlikely]]
        for (int i = 0; i < count; ++i)
          if (open >> (4 * i) & 0x000f000f000f000full) {
            const Int sum = sum_of(tile, p + i, g, factor);
            store_i8(out + i * tile.out_pixel, quantise(t, through(t, channel, to_wide(sum), nullptr)) & lanes);
          }
    }
  }
}

inline void tail_segments(const TailParams& t, const TailTile& tile) {
  if (t.segments->exact) return segments_block<Rounded>(t, tile);
  t.segments->two_slopes ? segments_block<TwoSlopes>(t, tile) : segments_block<OneSlope>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
