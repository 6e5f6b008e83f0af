#pragma once
/// The sums of Strassen's product of matrices: pixels, inputs and outputs of a 1x1 layer are halved, and seven products
/// of sums of quarters stand for eight. Written once over simd/*.hpp (strassen_loops.hpp). Plain data only: files of
/// every instruction set include this.
#include <cstddef>
#include <cstdint>

#include "npu/kernels/conv/dense_kernel.hpp"

namespace ez_rknn::npu::kernels {

constexpr int kStrassenProducts = 7;

struct StrassenInput {
  const std::byte *left = nullptr, *right = nullptr;  ///< the first pixel of either half, int8
  std::ptrdiff_t pixel = 0;                           ///< bytes
  int pixels = 0;                                     ///< of a half
  int channels = 0;                                   ///< half of them, a multiple of 16
  std::byte* to = nullptr;                            ///< [product][pixel][channel], 16 bits
  std::ptrdiff_t product = 0;                         ///< bytes from product to product
};

/// Where products lie there are afterwards sums of the left pixels, first and second half of the outputs, and of the
/// right ones (kStrassenResults).
struct StrassenOutput {
  std::byte* products = nullptr;  ///< [product][pixel][16 channels], 32 bits
  std::ptrdiff_t product = 0;     ///< bytes
  int pixels = 0;
};
constexpr int kStrassenResults[2][2] = {{6, 4}, {3, 5}};

struct StrassenKernel {
  const DenseKernel* products;
  void (*input)(const StrassenInput&);
  void (*output)(const StrassenOutput&);
};

#if defined(__x86_64__)
extern const StrassenKernel kStrassenI8Avx2;
#endif

}  // namespace ez_rknn::npu::kernels
