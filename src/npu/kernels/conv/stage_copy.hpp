#pragma once
/// Copies of pixels into the form an inner loop reads. Plain data only: files of every instruction set include this.
#include <cstddef>
#include <cstdint>

namespace ez_rknn::npu::kernels {

/// Copies `channels` elements of each pixel, in blocks of 16: reads up to the padded count, and may write as far, so
/// pixels go in rising order and what follows them is written later.
using StageCopy = void (*)(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel,
                           int pixels, int channels);

struct StageFormat {
  int source = 1, element = 1;  ///< bytes of an element in the map and when staged
  int offset = 0;               ///< what the copy adds to a value
  StageCopy copy = nullptr;
};

extern const StageFormat kStageI8;   ///< int8 as it is
extern const StageFormat kStageF16;  ///< f16 as it is
extern const StageFormat kStageF32;  ///< f32 as it is
#if defined(__x86_64__)
extern const StageFormat kStageI8ToI16Avx2;      ///< widened
extern const StageFormat kStageI8ToQuadsAvx512;  ///< int8 + 128, its order that of DepthwiseEncoding::u8_s8
extern const StageFormat kStageF16ToF32Avx2, kStageBf16ToF32Avx2;
extern const StageFormat kStageF16ToBf16Amx;  ///< two parts, as DenseEncoding::bf16_tiles has them
extern const StageFormat kStageI16ToF64Avx2, kStageI16ToF64Avx512;
#elif defined(__aarch64__)
extern const StageFormat kStageI8ToI16Neon, kStageF16ToF32Neon, kStageBf16ToF32Neon, kStageI16ToF64Neon;
#endif

}  // namespace ez_rknn::npu::kernels
