#pragma once
/// Transposing blocks of elements in vector registers, in terms every instruction set compiles: files of any of them
/// include this, and keep what they make of it to themselves.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ez_rknn::npu::io {
namespace {

template <class W>
struct Vector {
  typedef W type __attribute__((vector_size(16)));
  static constexpr int kLanes = 16 / sizeof(W);
};

/// Lanes of `a` and `b` in turn, from lane `kFirst` of both on.
template <class W, int kFirst, int... kLane>
inline typename Vector<W>::type interleave(typename Vector<W>::type a, typename Vector<W>::type b,
                                           std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(a, b, (kFirst + kLane / 2 + kLane % 2 * Vector<W>::kLanes)...);
}

/// Rotates the places of elements, as numbers whose high bits name the vector and low bits the lane, left by as many
/// bits as lanes have: kLanes vectors are transposed, fewer are taken apart (four vectors of xyzw.. to x.., y.., z..,
/// w..). Interleaving the halves of a list of vectors rotates by one bit.
template <class W, int kVectors>
inline void rotate_places(typename Vector<W>::type (&v)[kVectors]) {
  constexpr int kLanes = Vector<W>::kLanes;
  constexpr auto kAll = std::make_integer_sequence<int, kLanes>();
#pragma GCC unroll 4
  for (int step = 1; step < kLanes; step *= 2) {
    typename Vector<W>::type next[kVectors];
#pragma GCC unroll 8
    for (int i = 0; i < kVectors / 2; ++i) {
      next[2 * i] = interleave<W, 0>(v[i], v[i + kVectors / 2], kAll);
      next[2 * i + 1] = interleave<W, kLanes / 2>(v[i], v[i + kVectors / 2], kAll);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kVectors; ++i) v[i] = next[i];
  }
}

/// to[q][p] = from[p][q], rows lying `from_p` and `to_q` elements apart.
/// @return false, with nothing done, where there is less than a block of either
template <class W>
bool transpose(const std::byte* from, std::ptrdiff_t from_p, std::byte* to, std::ptrdiff_t to_q, std::ptrdiff_t p,
               std::ptrdiff_t q) {
  constexpr std::ptrdiff_t kEdge = Vector<W>::kLanes, kSize = sizeof(W);
  if (p < kEdge || q < kEdge) return false;
  // The last block is moved back to end with the last element: some are written twice.
  for (std::ptrdiff_t j = 0; j < q; j = j + kEdge < q ? std::min(j + kEdge, q - kEdge) : q)
    for (std::ptrdiff_t i = 0; i < p; i = i + kEdge < p ? std::min(i + kEdge, p - kEdge) : p) {
      typename Vector<W>::type v[kEdge];
      for (std::ptrdiff_t k = 0; k < kEdge; ++k) std::memcpy(&v[k], from + ((i + k) * from_p + j) * kSize, 16);
      rotate_places<W, kEdge>(v);
      for (std::ptrdiff_t k = 0; k < kEdge; ++k) std::memcpy(to + ((j + k) * to_q + i) * kSize, &v[k], 16);
    }
  return true;
}

}  // namespace
}  // namespace ez_rknn::npu::io
