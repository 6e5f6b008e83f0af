#include "npu/task/cube.hpp"

#include <algorithm>
#include <type_traits>

#include "core/fp16.hpp"

namespace ez_rknn::npu::task {
namespace {

template <class E>
E raw(const std::byte* from) {
  E v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class E>
void put(std::byte* to, E v) {
  std::memcpy(to, &v, sizeof v);
}

}  // namespace

template <class T>
T load_element(const std::byte* from, Precision p) {
  switch (p) {
    case Precision::i8: return static_cast<T>(raw<std::int8_t>(from));
    case Precision::i16: return static_cast<T>(raw<std::int16_t>(from));
    case Precision::i32: return static_cast<T>(raw<std::int32_t>(from));
    case Precision::f16: return static_cast<T>(half_to_float(raw<std::uint16_t>(from)));
    case Precision::f32: return static_cast<T>(raw<float>(from));
  }
  return T{};
}

template <class T>
void store_element(std::byte* to, Precision p, T v) {
  switch (p) {
    case Precision::i8: return put(to, static_cast<std::int8_t>(v));
    case Precision::i16: return put(to, static_cast<std::int16_t>(v));
    case Precision::i32: return put(to, static_cast<std::int32_t>(v));
    case Precision::f16: return put(to, float_to_half(static_cast<float>(v)));
    case Precision::f32: return put(to, static_cast<float>(v));
  }
}

template <class T>
Cube<T> read_cube(const Memory& memory, const CubeAt& at, Precision p, int channels, int height, int width,
                  const char* what) {
  Cube<T> cube(channels, height, width);
  const int group = channels_of_pixel(p), size = bytes_of(p);
  for (int c = 0; c < channels; c += group)
    for (int y = 0; y < height; ++y) {
      const std::byte* row =
          memory.read(at.base + c / group * at.surface + y * at.line, std::int64_t{width} * kPixel, what);
      for (int k = 0; k < std::min(group, channels - c); ++k) {
        T* to = cube.row(c + k, y);
        for (int x = 0; x < width; ++x) to[x] = load_element<T>(row + x * kPixel + k * size, p);
      }
    }
  return cube;
}

template std::int64_t load_element<std::int64_t>(const std::byte*, Precision);
template double load_element<double>(const std::byte*, Precision);
template void store_element<std::int64_t>(std::byte*, Precision, std::int64_t);
template void store_element<double>(std::byte*, Precision, double);
template Cube<std::int64_t> read_cube<std::int64_t>(const Memory&, const CubeAt&, Precision, int, int, int,
                                                    const char*);
template Cube<double> read_cube<double>(const Memory&, const CubeAt&, Precision, int, int, int, const char*);

}  // namespace ez_rknn::npu::task
