#pragma once
/// tail_bytes.hpp without a load from memory for each value, by bytes in registers: the result is a step function, so a
/// value finds its segment in small tables (SegmentTables) and counts the places it has passed in it.
/// Included after simd/*.hpp and tail_bytes.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kStepPixels = 32;  ///< of which positions are kept between the two loops

struct StepValue {
  static Int of(const FusedParams& f, std::size_t channel, Int sum) { return fused_words<true>(f, channel, sum); }
};
template <bool Whole, bool Plain>
struct StepInput {
  static Int of(const FusedParams& f, std::size_t channel, Int sum) {
    return fused_input<Whole, Plain>(f, channel, sum);
  }
};

/// Positions of `pixels` pixels from `first` on; an even number is written.
template <class Value>
inline void find_positions(const TailParams& params, const TailTile& tile, int g, int first, int pixels,
                           std::uint16_t* positions) {
  const FusedParams f = params.fused;  // a copy, which stores cannot change
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const Int base = splat(params.steps->base);
  const Words last = words(params.steps->last);
  const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
  for (int p = 0; p < pixels; ++p, positions += 16)
    store_words(positions, min(to_words(Value::of(f, channel, sum_of(tile, first + p, g, factor)) - base), last));
  if (pixels % 2 != 0) store_words(positions, words(0));
}

template <int Tables>
inline void count_steps(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep, std::byte* out,
                        std::ptrdiff_t pixel) {
  const int shift = s.shift, places = s.tables.places;
  const bool falls = s.tables.falls;
  const Words inside = words((1 << shift) - 1);
  const BytePair rising = byte_pair(s.rising);
  for (int p = 0; p < pixels; p += 2, positions += 32, out += 2 * pixel) {
    const Words a = load_words(positions), b = load_words(positions + 16);
    const BytePair segment = narrow(a >> shift, b >> shift);
    const BytePair place = narrow(a & inside, b & inside) ^ byte_pair(0x80);
    const LookUp<Tables> look_up(segment);
    BytePair passed = byte_pair(0);  // less as many
    for (int k = 0; k < places; ++k) passed = passed + greater(place, look_up(s.tables.place[k]));
    if (falls) {
      const BytePair rises = no_less(segment, rising);
      passed = (passed ^ rises) - rises;
      store_pixels(out, pixel, look_up(s.tables.start) + passed, keep, pixels - p);
    } else {
      store_pixels(out, pixel, look_up(s.tables.start) - passed, keep, pixels - p);
    }
  }
}

/// By the least tables that hold the segments.
template <int Tables = 1>
inline void count_steps_in(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep, std::byte* out,
                           std::ptrdiff_t pixel) {
  if constexpr (constexpr int held = Tables * kTableEntries; held < 256)
    if (s.segments > held) return count_steps_in<Tables + (Tables < 8 ? 1 : 2)>(s, positions, pixels, keep, out, pixel);
  count_steps<Tables>(s, positions, pixels, keep, out, pixel);
}

template <class Value>
inline void steps_block(const TailParams& t, const TailTile& tile) {
  alignas(64) std::uint16_t positions[kStepPixels * 16];
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Bytes keep = to_bytes(load_int(t.lanes + channel));
    for (int p = 0; p < tile.pixels; p += kStepPixels) {
      const int pixels = tile.pixels - p < kStepPixels ? tile.pixels - p : kStepPixels;
      find_positions<Value>(t, tile, g, p, pixels, positions);
      count_steps_in(*t.steps, positions, pixels, keep, tile.out + p * tile.out_pixel + channel, tile.out_pixel);
    }
  }
}

inline void tail_steps(const TailParams& t, const TailTile& tile) {
  const FusedParams& f = t.fused;
  if (!t.steps->inputs) return steps_block<StepValue>(t, tile);
  const bool plain = !f.clamped && !f.table_ties;
  if (f.factor) plain ? steps_block<StepInput<true, true>>(t, tile) : steps_block<StepInput<true, false>>(t, tile);
  else plain ? steps_block<StepInput<false, true>>(t, tile) : steps_block<StepInput<false, false>>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
