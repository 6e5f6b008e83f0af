#pragma once
/// tail_bytes.hpp without a load from memory for each value, by bytes in registers: the result is a step function, so a
/// value finds its segment in small tables (SegmentTables) and counts the places it has passed in it.
/// Included after simd/*.hpp and tail_bytes.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kStepPixels = 32;  ///< of which positions are kept between the two loops

/// BS's products of sums, which are to be rounded up. `Held`: within limits.
template <bool Held, bool BySign>
inline Int step_product(const FusedParams& f, std::size_t channel, Int sum) {
  if constexpr (Held) sum = min(max(sum, load_int(f.least_sum + channel)), load_int(f.most_sum + channel));
  const Int product = sum * load_int(f.factor + channel) + load_int(f.start + channel);
  return BySign ? product + (product >> 31) : product;
}

/// Positions of sums: of what BS makes of them,
template <bool Held, bool BySign>
struct StepValue {
  static Int of(const FusedParams& f, const StepParams& s, std::size_t channel, Int sum) {
    const Int product = step_product<Held, BySign>(f, channel, sum);
    if constexpr (Held) return ((product + splat(f.half)) >> f.shift) - splat(s.base);
    else return (product + splat(s.half)) >> f.shift;
  }
};
/// of the table's input,
template <bool Held, bool BySign>
struct StepInput {
  static Int of(const FusedParams& f, const StepParams& s, std::size_t channel, Int sum) {
    const Int value = (step_product<Held, BySign>(f, channel, sum) + splat(f.half)) >> f.shift;
    return bits_of(multiply_add(to_real(value), splat(f.bn), splat(kMagic))) - splat(kMagicBits + s.base);
  }
};
/// or of that where 32 bits do not hold products, or limits behind BS and halves behind BN matter.
template <bool Whole, bool Plain>
struct StepRounded {
  static Int of(const FusedParams& f, const StepParams& s, std::size_t channel, Int sum) {
    return fused_input<Whole, Plain>(f, channel, sum) - splat(s.base);
  }
};

/// Positions of `pixels` pixels from `first` on; an even number is written.
template <class Position>
inline void find_positions(const FusedParams& f, const StepParams& s, const TailTile& tile, int g, int first,
                           int pixels, std::uint16_t* positions) {
  const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
  const Words last = words(s.last);
  const Int factor = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
  for (int p = 0; p < pixels; ++p, positions += 16)
    store_words(positions, min(to_words(Position::of(f, s, channel, sum_of(tile, first + p, g, factor))), last));
  if (pixels % 2 != 0) store_words(positions, words(0));
}

/// Adds to `found`, what a segment begins with and its places, those of the segments of a table.
template <int Places>
inline void look_up_segments(BytePair segment, const StepParams::Table& table, BytePair* found) {
  const TableIndex index(segment ^ byte_pair(table.first));
#pragma GCC unroll 9
  for (int k = 0; k <= Places; ++k) found[k] = found[k] | look_up(table.entries + k * kTableEntries, index);
}

/// From the tables of `Places` places to those of none.
template <int Places>
inline void look_up_all(const StepParams& s, int i, BytePair segment, BytePair* found) {
  for (; i < s.end[Places]; ++i) look_up_segments<Places>(segment, s.table[i], found);
  if constexpr (Places > 0) look_up_all<Places - 1>(s, i, segment, found);
}

template <int Places>
inline void count_steps(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep, std::byte* out,
                        std::ptrdiff_t pixel) {
  const int shift = s.shift;
  const bool falls = s.falls;
  const Words inside = words((1 << shift) - 1);
  const BytePair rising = byte_pair(s.rising);
  for (int p = 0; p < pixels; p += 2, positions += 32, out += 2 * pixel) {
    const Words a = load_words(positions), b = load_words(positions + 16);
    const BytePair segment = narrow(a >> shift, b >> shift);
    const BytePair rest = narrow(a & inside, b & inside) ^ byte_pair(0xff);
    BytePair found[Places + 1];
    for (BytePair& f : found) f = byte_pair(0);
    look_up_all<Places>(s, 0, segment, found);
    BytePair passed = byte_pair(-Places);  // less as many
#pragma GCC unroll 8
    for (int k = 1; k <= Places; ++k) passed = passed - no_less(rest, found[k]);
    if (falls) {
      const BytePair rises = no_less(segment, rising);
      passed = (passed ^ rises) - rises;
      store_pixels(out, pixel, found[0] + passed, keep, pixels - p);
    } else {
      store_pixels(out, pixel, found[0] - passed, keep, pixels - p);
    }
  }
}

/// With as many places as there are.
template <int Places = 0>
inline void count_steps_of(const StepParams& s, const std::uint16_t* positions, int pixels, Bytes keep, std::byte* out,
                           std::ptrdiff_t pixel) {
  if constexpr (Places < SegmentTables::kMost)
    if (s.places > Places) return count_steps_of<Places + 1>(s, positions, pixels, keep, out, pixel);
  count_steps<Places>(s, positions, pixels, keep, out, pixel);
}

template <class Position>
inline void steps_block(const TailParams& t, const TailTile& tile) {
  const FusedParams f = t.fused;  // a copy, which stores cannot change
  alignas(64) std::uint16_t positions[kStepPixels * 16];
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Bytes keep = to_bytes(load_int(t.lanes + channel));
    for (int p = 0; p < tile.pixels; p += kStepPixels) {
      const int pixels = tile.pixels - p < kStepPixels ? tile.pixels - p : kStepPixels;
      find_positions<Position>(f, *t.steps, tile, g, p, pixels, positions);
      count_steps_of(*t.steps, positions, pixels, keep, tile.out + p * tile.out_pixel + channel, tile.out_pixel);
    }
  }
}

template <template <bool Held, bool BySign> class Position>
inline void steps_form(const TailParams& t, const TailTile& tile) {
  const StepParams& s = *t.steps;
  if (s.held) s.by_sign ? steps_block<Position<true, true>>(t, tile) : steps_block<Position<true, false>>(t, tile);
  else s.by_sign ? steps_block<Position<false, true>>(t, tile) : steps_block<Position<false, false>>(t, tile);
}

inline void tail_steps(const TailParams& t, const TailTile& tile) {
  const FusedParams& f = t.fused;
  const bool plain = !f.clamped && !f.table_ties;
  if (!t.steps->inputs) return steps_form<StepValue>(t, tile);
  if (f.factor) plain ? steps_form<StepInput>(t, tile) : steps_block<StepRounded<true, false>>(t, tile);
  else plain ? steps_block<StepRounded<false, true>>(t, tile) : steps_block<StepRounded<false, false>>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
