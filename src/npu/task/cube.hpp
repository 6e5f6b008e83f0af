#pragma once
/// Features as the NPU keeps them: NC1HWC2, pixels of 16 bytes that hold the channels of one group.
#include <cstdint>
#include <string>
#include <vector>

#include "ez_rknn/error.hpp"
#include "npu/task/memory.hpp"

namespace ez_rknn::npu::task {

/// Precision codes of the registers.
enum class Precision : std::uint8_t { i8 = 0, i16 = 1, f16 = 2, i32 = 4, f32 = 5 };
inline constexpr int kPixel = 16;

constexpr int bytes_of(Precision p) {
  switch (p) {
    case Precision::i8: return 1;
    case Precision::i16:
    case Precision::f16: return 2;
    case Precision::i32:
    case Precision::f32: return 4;
  }
  return 1;
}
constexpr int channels_of_pixel(Precision p) { return kPixel / bytes_of(p); }
constexpr bool is_real(Precision p) { return p == Precision::f16 || p == Precision::f32; }

/// One element as the pipeline takes it: std::int64_t for integers, double for floats (from any precision).
template <class T>
T load_element(const std::byte* from, Precision p);
/// Integers must fit; doubles round to the nearest f32 or f16.
template <class T>
void store_element(std::byte* to, Precision p, T v);

/// Dense values in CHW order.
template <class T>
struct Cube {
  int channels = 0, height = 0, width = 0;
  std::vector<T> values;

  Cube() = default;
  Cube(int c, int h, int w, T fill = T{}) : channels(c), height(h), width(w) {
    constexpr std::int64_t kMost = std::int64_t{1} << 27;
    if (c < 0 || h < 0 || w < 0 || (h > 0 && w > 0 && c > kMost / h / w))
      throw ModelError(
          0, "a cube of " + std::to_string(c) + " x " + std::to_string(h) + " x " + std::to_string(w) + " elements");
    values.assign(static_cast<std::size_t>(c) * static_cast<std::size_t>(h) * static_cast<std::size_t>(w), fill);
  }
  T* row(int c, int y) {
    return values.data() + (static_cast<std::ptrdiff_t>(c) * height + y) * static_cast<std::ptrdiff_t>(width);
  }
  const T* row(int c, int y) const { return const_cast<Cube*>(this)->row(c, y); }
  T& operator()(int c, int y, int x) { return row(c, y)[x]; }
  const T& operator()(int c, int y, int x) const { return row(c, y)[x]; }
};

/// Where a cube lies: bytes from one row to the next and from one channel group to the next.
struct CubeAt {
  std::int64_t base = 0, line = 0, surface = 0;
};

template <class T>
Cube<T> read_cube(const Memory& memory, const CubeAt& at, Precision p, int channels, int height, int width,
                  const char* what);

}  // namespace ez_rknn::npu::task
