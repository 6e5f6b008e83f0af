#pragma once
/// tail_bytes.hpp without a load from memory for each value: sixty-four of them at once find their segment in tables of
/// 256 bytes (two vpermi2b), then count the places they have passed in it.
/// Included after simd/avx512.hpp and tail_bytes.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

inline __m512i look_up_256(const std::uint8_t* table, __m512i index, __mmask64 upper) {
  const __m512i low = _mm512_permutex2var_epi8(_mm512_loadu_si512(table), index, _mm512_loadu_si512(table + 64));
  const __m512i high =
      _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), index, _mm512_loadu_si512(table + 192));
  return _mm512_mask_blend_epi8(upper, low, high);
}

/// Results of four vectors of indices, in the order vpack leaves bytes in.
inline __m512i segments(const TailParams& t, Int i0, Int i1, Int i2, Int i3) {
  const __m512i a = _mm512_packus_epi32(i0.v, i1.v), b = _mm512_packus_epi32(i2.v, i3.v);
  const __m512i most = _mm512_set1_epi16(255);  // the last input is the 129th of the last segment
  const __m512i segment_a = _mm512_min_epu16(_mm512_srli_epi16(a, 7), most);
  const __m512i segment_b = _mm512_min_epu16(_mm512_srli_epi16(b, 7), most);
  const __m512i segment = _mm512_packus_epi16(segment_a, segment_b);
  const __m512i place = _mm512_packus_epi16(_mm512_sub_epi16(a, _mm512_slli_epi16(segment_a, 7)),
                                            _mm512_sub_epi16(b, _mm512_slli_epi16(segment_b, 7)));
  const __mmask64 upper = _mm512_movepi8_mask(segment);
  const SegmentParams& s = *t.segments;
  const __m512i one = _mm512_set1_epi8(1);
  __m512i passed = _mm512_setzero_si512();
  for (int k = 0; k < t.places; ++k) {
    const __mmask64 beyond = _mm512_cmpge_epu8_mask(place, look_up_256(s.place[k], segment, upper));
    passed = _mm512_mask_add_epi8(passed, beyond, passed, one);
  }
  if (t.falls) {
    const __m512i down = look_up_256(s.down, segment, upper);
    passed = _mm512_sub_epi8(_mm512_xor_si512(passed, down), down);
  }
  return _mm512_add_epi8(look_up_256(s.start, segment, upper), passed);
}

inline void tail_segments(const TailParams& t, const TailTile& tile) {
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Int lanes = load_int(t.lanes + channel);
    const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
    const __m512i keep = _mm512_broadcast_i32x4(_mm512_cvtepi32_epi8(lanes.v));
    for (int p = 0; p < tile.pixels; p += 4) {
      const int count = tile.pixels - p < 4 ? tile.pixels - p : 4;
      Int sum[4], index[4];
      bool outside[4] = {};
      for (int i = 0; i < 4; ++i) {
        sum[i] = sum_of(tile, i < count ? p + i : p, g, factor);
        index[i] = byte_index(t, channel, sum[i], outside[i]);
      }
      const __m512i q = _mm512_and_si512(in_pixel_order(segments(t, index[0], index[1], index[2], index[3])), keep);
      std::byte* out = tile.out + p * tile.out_pixel + channel;
      store_pixels(out, tile.out_pixel, q, count);
      if (!t.lut.slopes) continue;
      for (int i = 0; i < count; ++i)
        if (outside[i]) [[unlikely]]
          store_i8(out + i * tile.out_pixel, quantise(t, through(t, channel, sum[i], nullptr)) & lanes);
    }
  }
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
