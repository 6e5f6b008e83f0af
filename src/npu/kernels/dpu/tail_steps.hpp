#pragma once
/// Look-up tables that end in int8 by positions of 16 bits. The result is a step function of them: a value finds its
/// segment in small tables of bytes in registers (SegmentTables) and counts the places it has passed in it. Or, where
/// that takes many of them, it is loaded. Included after tail_positions.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kStepPixels = 32;  ///< of which positions are kept between the two loops

/// Of `count` vectors, sum(0), sum(1), ... of channels from `channel` on; an even number is written.
template <class Position, class Sum>
[[gnu::always_inline]] inline void find_positions(const FusedParams& f, const StepParams& s, std::size_t channel,
                                                  int count, std::uint16_t* positions, const Sum& sum) {
  const Words last = words(s.last);
  for (int i = 0; i < count; ++i, positions += 16)
    store_words(positions, min(to_words(Position::of(f, s, channel, sum(i))), last));
  if (count % 2 != 0) store_words(positions, words(0));
}

/// `Pairs` of pixels share the loads of tables.
template <int Pairs, int Places>
struct Found {
  BytePair segment[Pairs];
  BytePair value[Pairs][Places + 1];  ///< what the segment begins with, and its places
};

/// Adds what the segments of a table have.
template <int Used, int Pairs, int Places>
inline void look_up_segments(const StepParams::Table& table, Found<Pairs, Places>& found) {
  const BytePair first = byte_pair(table.first);
  TableIndex index[Pairs];
  for (int i = 0; i < Pairs; ++i) index[i] = TableIndex(found.segment[i] ^ first);
#pragma GCC unroll 9
  for (int k = 0; k <= Used; ++k) {
    for (int i = 0; i < Pairs; ++i)
      found.value[i][k] = found.value[i][k] | look_up(table.entries + k * kTableEntries, index[i]);
  }
}

/// From the tables of `Used` places to those of none.
template <int Used, int Pairs, int Places>
inline void look_up_all(const StepParams& s, int i, Found<Pairs, Places>& found) {
  for (; i < s.end[Used]; ++i) look_up_segments<Used>(s.table[i], found);
  if constexpr (Used > 0) look_up_all<Used - 1>(s, i, found);
}

/// `pixels` of them are there.
template <int Pairs, int Places>
inline void count_steps(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep, std::byte* out,
                        std::ptrdiff_t pixel) {
  const int shift = s.shift;
  const Words inside = words((1 << shift) - 1);
  BytePair rest[Pairs];
  Found<Pairs, Places> found;
#pragma GCC unroll 2
  for (int i = 0; i < Pairs; ++i) {
    const Words a = load_words(positions + 32 * i), b = load_words(positions + 32 * i + 16);
    found.segment[i] = narrow(a >> shift, b >> shift);
    rest[i] = narrow(a & inside, b & inside) ^ byte_pair(0xff);
    for (BytePair& v : found.value[i]) v = byte_pair(0);
  }
  look_up_all<Places>(s, 0, found);
#pragma GCC unroll 2
  for (int i = 0; i < Pairs; ++i) {
    BytePair passed = byte_pair(-Places);  // less as many
#pragma GCC unroll 8
    for (int k = 1; k <= Places; ++k) passed = passed - no_less(rest[i], found.value[i][k]);
    const BytePair rises = s.falls ? no_less(found.segment[i], byte_pair(s.rising)) : byte_pair(0xff);
    store_pixels(out + 2 * i * pixel, pixel, found.value[i][0] + ((passed ^ rises) - rises), keep, pixels - 2 * i);
  }
}

template <int Places>
inline void count_all_steps(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep, std::byte* out,
                            std::ptrdiff_t pixel) {
  int p = 0;
  if constexpr (Places <= kPlacesOfTwoPairs)
    for (; p + 2 < pixels; p += 4)
      count_steps<2, Places>(s, positions + p * 16, pixels - p, keep, out + p * pixel, pixel);
  for (; p < pixels; p += 2) count_steps<1, Places>(s, positions + p * 16, pixels - p, keep, out + p * pixel, pixel);
}

/// With as many places as there are.
template <int Places = 0>
inline void count_steps_of(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep, std::byte* out,
                           std::ptrdiff_t pixel) {
  if constexpr (Places < SegmentTables::kMost)
    if (s.places > Places) return count_steps_of<Places + 1>(s, positions, pixels, keep, out, pixel);
  count_all_steps<Places>(s, positions, pixels, keep, out, pixel);
}

/// By a load each.
inline void load_all_results(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep,
                             std::byte* out, std::ptrdiff_t pixel) {
  const std::uint8_t* const results = s.results;
  for (int p = 0; p < pixels; ++p) store_i8(out + p * pixel, load_results(results, positions + p * 16) & keep);
}

/// Sixteen channels of a pixel in each vector,
struct WholePixels {
  template <class BySign, class Position>
  static void finish(const TailParams& t, const TailTile& tile) {
    const FusedParams f = t.fused;  // a copy, which stores cannot change
    alignas(64) std::uint16_t positions[kStepPixels * 16];
    for (int g = 0; g < tile.groups; ++g) {
      const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
      const Bytes keep = to_bytes(load_int(t.lanes + channel));
      const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
      for (int p = 0; p < tile.pixels; p += kStepPixels) {
        const int pixels = tile.pixels - p < kStepPixels ? tile.pixels - p : kStepPixels;
        const auto sum = [&](int i) { return sum_of(tile, p + i, g, factor); };
        if (t.steps->by_sign[channel / 16]) find_positions<BySign>(f, *t.steps, channel, pixels, positions, sum);
        else find_positions<Position>(f, *t.steps, channel, pixels, positions, sum);
        std::byte* const out = tile.out + p * tile.out_pixel + channel;
        if (t.steps->results) load_all_results(*t.steps, positions, pixels, keep, out, tile.out_pixel);
        else count_steps_of(*t.steps, positions, pixels, keep, out, tile.out_pixel);
      }
    }
  }
};

/// or up to eight channels of two neighbouring pixels, whose results are loaded.
struct TwoPixels {
  template <class BySign, class Position>
  static void finish(const TailParams& t, const TailTile& tile) {
    const FusedParams f = t.fused;
    const std::uint8_t* const results = t.steps->results;
    alignas(64) std::uint16_t positions[kStepPixels * 16];
    alignas(64) std::int32_t lanes[16] = {};
    for (int i = 0; i < tile.used; ++i) lanes[i] = -1;
    const Bytes keep = to_bytes(load_int(lanes));
    const Int factor = tile.window_sums ? load_halves(tile.window_factors, tile.window_factors) : splat(0);
    for (int p = 0; p < tile.pixels; p += 2 * kStepPixels) {
      const int pixels = tile.pixels - p < 2 * kStepPixels ? tile.pixels - p : 2 * kStepPixels;
      const auto two_sums = [&](int i) {
        const int a = p + 2 * i, b = 2 * i + 1 < pixels ? a + 1 : a;
        const Int sum =
            load_halves(tile.accumulators + a * tile.accumulator_pixel, tile.accumulators + b * tile.accumulator_pixel);
        return tile.window_sums ? sum + factor * splat_halves(tile.window_sums[a], tile.window_sums[b]) : sum;
      };
      if (t.steps->by_sign[0]) find_positions<BySign>(f, *t.steps, 0, (pixels + 1) / 2, positions, two_sums);
      else find_positions<Position>(f, *t.steps, 0, (pixels + 1) / 2, positions, two_sums);
      std::byte* out = tile.out + p * tile.out_pixel;
      for (int i = 0; i < pixels; i += 2, out += 2 * tile.out_pixel) {
        const Bytes two = load_results(results, positions + i * 8);
        store_i8(out, two & keep);
        if (i + 1 < pixels) store_i8(out + tile.out_pixel, upper_half(two) & keep);
      }
    }
  }
};

}  // namespace
}  // namespace ez_rknn::npu::kernels
