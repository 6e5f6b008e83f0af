#include "session/convert.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace ez_rknn {
namespace {

/// A fixed small channel count: the compiler turns the inner loop into shuffles; reads are C streams, the write is one.
template <class T, std::size_t C>
void interleave(const T* from, T* to, std::size_t pixels) {
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < C; ++c) to[p * C + c] = from[c * pixels + p];
}

/// Any channel count, in tiles that keep both sides in the first-level cache.
template <class T>
void transpose(const T* from, T* to, std::size_t channels, std::size_t pixels) {
  constexpr std::size_t kTile = 64 / sizeof(T) * 2;
  for (std::size_t p0 = 0; p0 < pixels; p0 += kTile) {
    const std::size_t p1 = std::min(p0 + kTile, pixels);
    for (std::size_t c0 = 0; c0 < channels; c0 += kTile) {
      const std::size_t c1 = std::min(c0 + kTile, channels);
      for (std::size_t p = p0; p < p1; ++p)
        for (std::size_t c = c0; c < c1; ++c) to[p * channels + c] = from[c * pixels + p];
    }
  }
}

template <class T>
void reorder(const void* from_bytes, void* to_bytes, std::size_t batch, std::size_t channels, std::size_t pixels) {
  const T* from = static_cast<const T*>(from_bytes);
  T* to = static_cast<T*>(to_bytes);
  for (std::size_t b = 0; b < batch; ++b, from += channels * pixels, to += channels * pixels) switch (channels) {
      case 1: std::memcpy(to, from, pixels * sizeof(T)); break;
      case 2: interleave<T, 2>(from, to, pixels); break;
      case 3: interleave<T, 3>(from, to, pixels); break;
      case 4: interleave<T, 4>(from, to, pixels); break;
      default: transpose(from, to, channels, pixels);
    }
}

template <class T>
void requantise_as(T* x, std::size_t count, Quantisation from, Quantisation to) {
  constexpr double kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
  const double ratio = double{from.scale} / double{to.scale};
  for (std::size_t i = 0; i < count; ++i) {
    // Rounded before the zero point is added, as a runtime quantises a real number: only so do both ways agree on the
    // middle between two steps, which is even with the zero point and without it only where that is even.
    const double steps = std::nearbyint((double(x[i]) - from.zero_point) * ratio);
    x[i] = static_cast<T>(std::clamp(steps + to.zero_point, kLeast, kMost));
  }
}

}  // namespace

void nchw_to_nhwc(const void* from, void* to, std::size_t batch, std::size_t channels, std::size_t pixels,
                  std::size_t element_bytes) {
  switch (element_bytes) {
    case 1: return reorder<std::uint8_t>(from, to, batch, channels, pixels);
    case 2: return reorder<std::uint16_t>(from, to, batch, channels, pixels);
    case 4: return reorder<std::uint32_t>(from, to, batch, channels, pixels);
    default: return reorder<std::uint64_t>(from, to, batch, channels, pixels);
  }
}

void requantise(void* numbers, ElementType type, std::size_t count, Quantisation from, Quantisation to) {
  switch (type) {
    case ElementType::int8: return requantise_as(static_cast<std::int8_t*>(numbers), count, from, to);
    case ElementType::uint8: return requantise_as(static_cast<std::uint8_t*>(numbers), count, from, to);
    case ElementType::int16: return requantise_as(static_cast<std::int16_t*>(numbers), count, from, to);
    case ElementType::uint16: return requantise_as(static_cast<std::uint16_t*>(numbers), count, from, to);
    case ElementType::int32: return requantise_as(static_cast<std::int32_t*>(numbers), count, from, to);
    default: break;
  }
}

void float64_to_float32(const double* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<float>(from[i]);
}

}  // namespace ez_rknn
