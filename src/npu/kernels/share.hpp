#pragma once
/// Whether a layer is worth the team: one rule for all kernels.
#include <cstdint>

#include "core/team.hpp"

namespace ez_rknn::npu::kernels {

/// Work is counted in multiply-accumulates of a dense int8 layer on AVX2, 20 ps each; other kinds in their multiples.
constexpr std::uint64_t kWinogradGain = 4;    ///< multiplications of the direct form in the time of one
constexpr std::uint64_t kStridedGain = 1;     ///< with stride 2
constexpr std::uint64_t kDepthwiseWork = 5;   ///< of a multiplication
constexpr std::uint64_t kReferenceWork = 50;  ///< of a multiplication by the plain reference
constexpr std::uint64_t kPoolWork = 4;        ///< of an element read
constexpr std::uint64_t kTailWork = 16;       ///< of an element through the DPU alone
constexpr std::uint64_t kFinishWork = 8;      ///< of an accumulator through the DPU
constexpr std::uint64_t kLookUpWork = 20;     ///< of one through a look-up table
constexpr std::uint64_t kSumWork = 6;         ///< of a sum of two bytes
constexpr std::uint64_t kTableWork = 2;       ///< of a byte through a table

/// Pieces of work to share out, where a layer is large enough.
constexpr int kItems = 8;

/// Below these a second thread costs more than it takes over: to hand it work while it looks for some, to have it look
/// for some during a run, and to wake it.
constexpr std::uint64_t kWorthSharing = 100'000, kWorthWatching = 4'000'000, kWorthWaking = 5'000'000;

inline bool worth_sharing(const Team& team, std::uint64_t work) {
  return work >= (team.awake() ? kWorthSharing : kWorthWaking);
}

/// Calls body(item, worker) for each item of [0, items), on as many threads as pay.
template <class F>
void share(Team& team, std::size_t items, std::uint64_t work, F&& body) {
  if (worth_sharing(team, work)) return team.for_each(items, body);
  for (std::size_t i = 0; i < items; ++i) body(i, 0);
}

}  // namespace ez_rknn::npu::kernels
