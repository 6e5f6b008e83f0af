#pragma once
/// Sixteen int8 in 128 bits: the same on AVX2 and AVX-512, whose headers include this.
#include <immintrin.h>

#include <cstdint>

namespace ez_rknn::npu::kernels {
namespace {

struct Bytes {
  __m128i v;
};
inline void store_i8(void* p, Bytes x) { _mm_storeu_si128(static_cast<__m128i*>(p), x.v); }
inline Bytes upper_half(Bytes x) { return {_mm_srli_si128(x.v, 8)}; }
inline Bytes operator&(Bytes x, Bytes y) { return {_mm_and_si128(x.v, y.v)}; }

}  // namespace
}  // namespace ez_rknn::npu::kernels
