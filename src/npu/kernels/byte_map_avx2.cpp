#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/byte_map.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// The table is sixteen lines of sixteen: the low half of an index is looked up in all of them, the bits of the high
/// half choose, pair by pair. A load a byte takes four times as long.
inline __m256i look_up(const std::uint8_t* table, __m256i x) {
  const __m256i low = _mm256_and_si256(x, _mm256_set1_epi8(15));
  const auto line = [&](int i) {
    const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * i));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), low);
  };
  // The top bit of a byte chooses: bits 4, 5 and 6 are moved there.
  const __m256i bit4 = _mm256_slli_epi16(x, 3), bit5 = _mm256_slli_epi16(x, 2), bit6 = _mm256_slli_epi16(x, 1);
  __m256i y[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) y[i] = _mm256_blendv_epi8(line(2 * i), line(2 * i + 1), bit4);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) y[i] = _mm256_blendv_epi8(y[2 * i], y[2 * i + 1], bit5);
  return _mm256_blendv_epi8(_mm256_blendv_epi8(y[0], y[1], bit6), _mm256_blendv_epi8(y[2], y[3], bit6), x);
}

void map(const std::uint8_t* table, const ByteRuns& given) {
  const ByteRuns r = given;  // a copy, which stores cannot change
  const std::byte* from = r.from;
  std::byte* to = r.to;
  for (std::size_t run = 0; run < r.count; ++run, from += r.from_step, to += r.to_step) {
    std::size_t i = 0;
    for (; i + 32 <= r.bytes; i += 32) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), look_up(table, x));
    }
    if (i + 16 <= r.bytes) {
      const __m256i x = _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm256_castsi256_si128(look_up(table, x)));
      i += 16;
    }
    for (; i < r.bytes; ++i) to[i] = std::byte{table[std::uint8_t(from[i])]};
  }
}

}  // namespace

const MapBytes kMapBytesAvx2 = map;

}  // namespace ez_rknn::npu::kernels
#endif
