#pragma once
/// Where tables of results are entered (StepParams): 16 bits for each value.
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
/// of that where 32 bits do not hold products; without BySign, halves go to the even value;
template <bool Held, bool BySign>
struct StepReal {
  static Int of(const FusedParams& f, const StepParams& s, std::size_t channel, Int sum) {
    const Real magic = splat(kMagic), bs = load_real(f.bs + channel);
    Real v = to_real(sum + load_int(f.bias + channel));
    if constexpr (Held) v = min(max(v, splat(-f.bound)), splat(f.bound));
    if constexpr (BySign) v = round_product<true>(v, bs);
    else v = multiply_add(v, bs, magic) - magic;
    return bits_of(multiply_add(v, splat(f.bn), magic)) - splat(kMagicBits + s.base);
  }
};
/// or of that where limits behind BS or halves behind BN matter.
template <bool Whole>
struct StepRounded {
  static Int of(const FusedParams& f, const StepParams& s, std::size_t channel, Int sum) {
    return fused_input<Whole, false>(f, channel, sum) - splat(s.base);
  }
};

/// Of `count` vectors, sum(0), sum(1), ... of channels from `channel` on; an even number is written.
template <class Position, class Sum>
[[gnu::always_inline]] inline void find_positions(const FusedParams& f, const StepParams& s, std::size_t channel,
                                                  int count, std::uint16_t* positions, const Sum& sum) {
  const Words last = words(s.last);
  for (int i = 0; i < count; ++i, positions += 16)
    store_words(positions, min(to_words(Position::of(f, s, channel, sum(i))), last));
  if (count % 2 != 0) store_words(positions, words(0));
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
