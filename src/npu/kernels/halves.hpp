#pragma once
/// Runs of halves to floats and back with the instructions this machine has for it. The results are those of
/// core/fp16.hpp; signalling NaNs may come out quiet. Safe from any thread.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

/// Any alignment, any `n`.
struct HalfRuns {
  void (*widen)(const std::byte* from, float* to, std::size_t n);
  void (*narrow)(const float* from, std::byte* to, std::size_t n);
};

const HalfRuns& half_runs();

#if defined(__x86_64__)
extern const HalfRuns kHalfRunsAvx2;
#elif defined(__aarch64__)
extern const HalfRuns kHalfRunsNeon;
#endif

}  // namespace ez_rknn::npu::kernels
