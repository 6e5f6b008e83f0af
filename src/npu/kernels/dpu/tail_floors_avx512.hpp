#pragma once
/// Requantisation to int8 by the rounding that AVX-512 has for each instruction. Where halves go up, a value to nearest
/// is the floor of it and a half, and a fused multiply-add that rounds down leaves the floor of its exact result where
/// it is; where they go away from zero, the same towards zero. No product has to fit 32 bits, no sum needs limits.
/// Included after simd/avx512.hpp and tail_exact.hpp.
#include "npu/kernels/dpu/tail_params.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// What is the same for all channels.
template <bool Clamped, bool BySign>
struct Floors {
  __m512 half, magic, scale, added, lo, hi;

  explicit Floors(const FusedParams& f)
      : half(_mm512_set1_ps(0.5f)),
        magic(_mm512_set1_ps(BySign ? -0.0f : kMagic)),
        scale(_mm512_set1_ps(f.out_scale)),
        added(_mm512_set1_ps(f.floor_added)),
        lo(_mm512_set1_ps(BySign ? f.lo : f.lo + kMagic)),
        hi(_mm512_set1_ps(BySign ? f.hi : f.hi + kMagic)) {}

  /// Results of biased sums.
  [[gnu::always_inline]] __m512i operator()(__m512i sum, __m512 slope) const {
    constexpr int kDown = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC, kToZero = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
    __m512 v = _mm512_cvtepi32_ps(sum);
    if constexpr (BySign) {
      const __m512 away = _mm512_or_ps(_mm512_and_ps(v, magic), half);
      v = _mm512_roundscale_ps(_mm512_fmadd_round_ps(v, slope, away, kToZero), kToZero);
    } else {
      v = _mm512_add_round_ps(_mm512_fmadd_round_ps(v, slope, half, kDown), magic, kDown);
    }
    if constexpr (Clamped) v = _mm512_min_ps(_mm512_max_ps(v, lo), hi);
    return _mm512_cvt_roundps_epi32(_mm512_fmadd_round_ps(v, scale, added, kDown), kDown);
  }
};

template <bool Clamped, bool BySign>
inline void floors_block(const TailParams& params, const TailTile& block) {
  // Copies, which stores to the map cannot change.
  const FusedParams f = params.fused;
  const TailTile tile = block;
  const Floors<Clamped, BySign> floors(f);
  for (int g = 0; g < tile.groups; ++g) {
    const auto channel = static_cast<std::size_t>(tile.first_group + g) * 16;
    const Int lanes = load_int(params.lanes + channel), bias = load_int(f.bias + channel);
    const Int window = tile.window_sums ? load_int(tile.window_factors + channel) : splat(0);
    const Real slope = load_real(f.bs + channel);
    const bool full = channel + 16 <= static_cast<std::size_t>(params.channels);
    store_values(tile, tile.out + channel, [&](int p) {
      const Int q{floors((sum_of(tile, p, g, window) + bias).v, slope.v)};
      return full ? q : q & lanes;
    });
  }
}

inline void tail_floors(const TailParams& t, const TailTile& tile) {
  const FusedParams& f = t.fused;
  if (f.by_sign) f.floor_limits ? floors_block<true, true>(t, tile) : floors_block<false, true>(t, tile);
  else f.floor_limits ? floors_block<true, false>(t, tile) : floors_block<false, false>(t, tile);
}

}  // namespace
}  // namespace ez_rknn::npu::kernels
