#if defined(__x86_64__)
#include <immintrin.h>

#include "npu/kernels/byte_map.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// The table is four registers: two vpermi2b, chosen between by the index's top bit.
struct Table {
  __m512i quarter[4];
};
inline __m512i look_up(const Table& t, __m512i x) {
  const __m512i low = _mm512_permutex2var_epi8(t.quarter[0], x, t.quarter[1]);
  const __m512i high = _mm512_permutex2var_epi8(t.quarter[2], x, t.quarter[3]);
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
}

void map(const std::uint8_t* table, const ByteRuns& given) {
  const ByteRuns r = given;  // a copy, which stores cannot change
  Table t;
  for (int i = 0; i < 4; ++i) t.quarter[i] = _mm512_loadu_si512(table + i * 64);
  const std::size_t whole = r.bytes / 64 * 64;
  const __mmask64 rest = r.bytes > whole ? ~__mmask64{0} >> (64 - (r.bytes - whole)) : 0;
  const std::byte* from = r.from;
  std::byte* to = r.to;
  for (std::size_t run = 0; run < r.count; ++run, from += r.from_step, to += r.to_step) {
    for (std::size_t i = 0; i < whole; i += 64) _mm512_storeu_si512(to + i, look_up(t, _mm512_loadu_si512(from + i)));
    if (rest) _mm512_mask_storeu_epi8(to + whole, rest, look_up(t, _mm512_maskz_loadu_epi8(rest, from + whole)));
  }
}

}  // namespace

const MapBytes kMapBytesAvx512 = map;

}  // namespace ez_rknn::npu::kernels
#endif
