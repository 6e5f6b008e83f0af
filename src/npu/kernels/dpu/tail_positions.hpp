#pragma once
/// Where tables of results are entered (StepParams): 16 bits for each value.
/// Included after simd/*.hpp and tail_bytes.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

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
    Real rounded = multiply_add(v, bs, magic);  // beside the magic number, with which it goes on
    if constexpr (BySign) {
      const Real rest = product_minus(v, bs, rounded - magic);
      rounded = multiply_add_equal(rest, half_like(v), splat(2.0f), rounded);
    }
    return bits_of(multiply_add(rounded, splat(f.bn), splat(f.bn_rest))) - splat(kMagicBits + s.base);
  }
};
/// or of that where limits behind BS or halves behind BN matter.
template <bool Whole>
struct StepRounded {
  static Int of(const FusedParams& f, const StepParams& s, std::size_t channel, Int sum) {
    return fused_input<Whole, false>(f, channel, sum) - splat(s.base);
  }
};

/// How a block is finished, `Pixels`, with the position that fits; the first serves groups of channels where it shows
/// which way halves behind BS go.
template <class Pixels, template <bool Held, bool BySign> class Position>
inline void steps_form(const TailParams& t, const TailTile& tile) {
  if (t.steps->held) Pixels::template finish<Position<true, true>, Position<true, false>>(t, tile);
  else Pixels::template finish<Position<false, true>, Position<false, false>>(t, tile);
}

template <class Pixels>
inline void tail_steps(const TailParams& t, const TailTile& tile) {
  using X = Pixels;
  const StepParams& s = *t.steps;
  if (!s.inputs) return steps_form<X, StepValue>(t, tile);
  if (t.fused.factor)
    s.plain ? steps_form<X, StepInput>(t, tile) : X::template finish<StepRounded<true>, StepRounded<true>>(t, tile);
  else s.plain ? steps_form<X, StepReal>(t, tile) : X::template finish<StepRounded<false>, StepRounded<false>>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
