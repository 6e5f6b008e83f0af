#pragma once
/// The conversions the engine does itself before a runtime sees the data.
#include <cstddef>
#include <cstdint>

#include "ez_rknn/value.hpp"

namespace ez_rknn {

/// [batch, channels, pixels] -> [batch, pixels, channels], elements of 1, 2, 4 or 8 bytes. No overlap.
void nchw_to_nhwc(const void* from, void* to, std::size_t batch, std::size_t channels, std::size_t pixels,
                  std::size_t element_bytes);

/// Numbers of one quantisation into those of another, in place: clamp(rint((x - zp) * scale / scale') + zp'), halves to
/// even.
/// @param type  int8, uint8, int16, uint16 or int32; others are left as they are
void requantise(void* numbers, ElementType type, std::size_t count, Quantisation from, Quantisation to);

void float64_to_float32(const double* from, float* to, std::size_t count);

}  // namespace ez_rknn
