#pragma once
/// tail_steps.hpp with one table for all segments: sixty-four values at once look up 256 bytes in four registers, and
/// segments are shorter where results move often (StepParams::bend).
/// Included after simd/avx512.hpp and tail_positions.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kTableEntries = 256;

/// Which of four registers of 64 bytes hold the entries that bytes name.
struct TableIndex {
  explicit TableIndex(__m512i index) : v(index) {
    const __mmask64 bit7 = _mm512_movepi8_mask(v), bit6 = _mm512_movepi8_mask(_mm512_add_epi8(v, v));
    from[0] = bit7 | bit6, from[1] = bit7, from[2] = bit7 & bit6;
  }
  __m512i v;
  __mmask64 from[3];  ///< 64, 128, 192
};

/// By vpermb, an operation each; two vpermi2b and a blend are seven.
inline __m512i look_up(const std::uint8_t* table, const TableIndex& index) {
  const auto quarter = [table](int i) { return _mm512_loadu_si512(table + 64 * i); };
  __m512i x = _mm512_permutexvar_epi8(index.v, quarter(0));
  for (int i = 0; i < 3; ++i) x = _mm512_mask_permutexvar_epi8(x, index.from[i], index.v, quarter(i + 1));
  return x;
}

/// From positions to results; copies, which stores to the map cannot change.
class Results {
 public:
  explicit Results(const StepParams& s)
      : table_(s.table[0].entries),
        places_(s.places),
        falls_(s.falls),
        last_(_mm512_set1_epi16(static_cast<short>(s.last))),
        bend_(_mm512_set1_epi16(static_cast<short>(s.bend))),
        stretch_(_mm512_set1_epi16(static_cast<short>(s.stretch))),
        shift_(_mm512_set1_epi16(static_cast<short>(s.shift))),
        inside_(_mm512_set1_epi16(static_cast<short>((1 << s.shift) - 1))),
        rising_(_mm512_set1_epi8(static_cast<char>(s.rising))) {}

  /// Of two pixels each, in the order that packing leaves them in.
  [[gnu::always_inline]] __m512i of(__m512i a, __m512i b) const {
    const __m512i ones = _mm512_set1_epi8(-1);
    const __m512i segment = _mm512_packus_epi16(_mm512_srlv_epi16(a, shift_), _mm512_srlv_epi16(b, shift_));
    const __m512i rest =
        _mm512_xor_si512(_mm512_packus_epi16(_mm512_and_si512(a, inside_), _mm512_and_si512(b, inside_)), ones);
    const TableIndex index(segment);
    __m512i passed = _mm512_setzero_si512();
    const std::uint8_t* place = table_ + 256;
    for (int k = 0; k < places_; ++k, place += 256) {
      const __mmask64 more = _mm512_cmplt_epu8_mask(rest, look_up(place, index));
      passed = _mm512_mask_sub_epi8(passed, more, passed, ones);
    }
    const __m512i start = look_up(table_, index), risen = _mm512_add_epi8(start, passed);
    if (!falls_) return risen;
    return _mm512_mask_sub_epi8(risen, _mm512_cmplt_epu8_mask(segment, rising_), start, passed);
  }

  /// Positions of two pixels, stretched behind the bend.
  [[gnu::always_inline]] __m512i words(Int x, Int y) const {
    const __m512i position = _mm512_min_epu16(_mm512_packus_epi32(x.v, y.v), last_);
    return _mm512_add_epi16(position, _mm512_mullo_epi16(_mm512_subs_epu16(position, bend_), stretch_));
  }

 private:
  const std::uint8_t* const table_;
  const int places_;
  const bool falls_;
  const __m512i last_, bend_, stretch_, shift_, inside_, rising_;
};

/// A channel group of a tile, `Sums` with window sums.
template <class Position, bool Sums>
inline void finish_group(const TailParams& t, const TailTile& tile, int g) {
  const FusedParams f = t.fused;  // copies, which stores cannot change
  const StepParams s = *t.steps;
  const Results results(s);
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const __m512i keep = _mm512_broadcast_i32x4(to_bytes(load_int(t.lanes + channel)).v);
  const Int factor = Sums ? load_int(tile.window_factors + channel) : splat(0);
  const std::byte* const accumulators = tile.accumulators + g * 64;
  const std::int32_t* const sums = tile.window_sums;
  std::byte* const out = tile.out + channel;
  const std::ptrdiff_t pixel = tile.accumulator_pixel, out_pixel = tile.out_pixel;
  const int pixels = tile.pixels;
  const auto position = [&](int p) __attribute__((always_inline)) {
    Int sum = load_int(reinterpret_cast<const std::int32_t*>(accumulators + p * pixel));
    if constexpr (Sums) sum = sum + factor * splat(sums[p]);
    return Position::of(f, s, channel, sum);
  };
  const auto store = [&](__m512i a, __m512i b, int p, int count) __attribute__((always_inline)) {
    store_pixels(out + p * out_pixel, out_pixel, _mm512_and_si512(transpose_square(results.of(a, b)), keep), count);
  };
  int p = 0;
  if (pixels >= 4) {
    __m512i a = results.words(position(0), position(1)), b = results.words(position(2), position(3));
    for (; p + 8 <= pixels; p += 4) {  // the next four meanwhile: chains as long do not overlap by themselves
      const __m512i next_a = results.words(position(p + 4), position(p + 5));
      const __m512i next_b = results.words(position(p + 6), position(p + 7));
      store(a, b, p, 4);
      a = next_a, b = next_b;
    }
    store(a, b, p, 4);
    p += 4;
  }
  if (const int last = pixels - 1; p <= last) {
    const int q = p < last ? p + 1 : p, r = q < last ? q + 1 : q;
    store(results.words(position(p), position(q)), results.words(position(r), position(r)), p, pixels - p);
  }
}

struct FourPixels {
  template <class BySign, class Position>
  static void finish(const TailParams& t, const TailTile& tile) {
    for (int g = 0; g < tile.groups; ++g)
      if (t.steps->by_sign[tile.first_group + g]) group<BySign>(t, tile, g);
      else group<Position>(t, tile, g);
  }
  template <class Position>
  static void group(const TailParams& t, const TailTile& tile, int g) {
    tile.window_sums ? finish_group<Position, true>(t, tile, g) : finish_group<Position, false>(t, tile, g);
  }
};

}  // namespace
}  // namespace ez_rknn::npu::kernels
