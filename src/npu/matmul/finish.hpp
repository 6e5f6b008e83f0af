#pragma once
/// Values of a row of C, stored in its type: rounded to nearest (ties to even) and saturated.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/dtype.hpp"

namespace ez_rknn::npu::matmul {

/// Integers of a row before C's zero point. Float types round twice: to float32, then to their own.
void finish(DType type, std::span<const double> values, std::int32_t zero_point, std::byte* row);
/// Float results: f32, f16 or bf16.
void finish(DType type, std::span<const float> values, std::byte* row);

}  // namespace ez_rknn::npu::matmul
