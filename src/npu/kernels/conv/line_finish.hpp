#pragma once
/// What an inner loop may do itself instead of writing accumulators: the tail of layers of halves that is a bias, an
/// operand perhaps, and limits (dpu/tail_linear.hpp, in the same order). Plain data only: files of every instruction
/// set include this.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

struct LineFinish {
  const float* bias = nullptr;          ///< of the block's first channel; as `lanes`
  const std::int32_t* lanes = nullptr;  ///< -1 for channels that carry data, 0 for padding
  float lo = 0, hi = 0;
  const std::byte* operand = nullptr;  ///< of the first run's first pixel; null: none
  std::ptrdiff_t operand_pixel = 0;    ///< bytes
  std::byte* out = nullptr;            ///< of the first run's first pixel
  std::ptrdiff_t out_pixel = 0;        ///< bytes
};

}  // namespace ez_rknn::npu::kernels
