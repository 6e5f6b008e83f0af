#pragma once
/// The inner loops of pooling: whole rows, element by element, so that any vector width fits. Plain data only: files of
/// every instruction set include this.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

/// to[i] = better of to[i] and from[i], n elements of the kernel's type.
using PoolCombine = void (*)(const std::byte* from, std::byte* to, std::size_t n);
/// Windows side by side: each pixel of `to` is the best of `taps` elements, `tap` bytes apart, the first of the next
/// pixel `step` bytes further. `n` elements each, a multiple of 16.
using PoolWindows = void (*)(const std::byte* from, std::ptrdiff_t step, std::ptrdiff_t tap, int taps, std::byte* to,
                             std::ptrdiff_t pixel, int pixels, std::size_t n);
/// sum[i] += from[i]
using PoolAdd = void (*)(const std::byte* from, std::byte* sum, std::size_t n);
/// to[i] = round((sum[i] + extra) * factor); the sum of integers is int32, of reals f32
using PoolFinish = void (*)(const std::byte* sum, std::int64_t extra, double factor, std::byte* to, std::size_t n);

struct PoolLoops {
  PoolCombine max, min;
  PoolAdd add;
  PoolFinish finish;
  PoolWindows max_windows, min_windows;  ///< of integers; null: reals, where the order of NaN and padding would show
};

struct PoolKernel {
  PoolLoops i8, i16, f16, bf16;
};

#if defined(__x86_64__)
extern const PoolKernel kPoolAvx2, kPoolAvx512;
#elif defined(__aarch64__)
extern const PoolKernel kPoolNeon;
#endif

}  // namespace ez_rknn::npu::kernels
