#include "npu/matmul/finish.hpp"

#include <cstring>
#include <limits>

#include "core/fp16.hpp"

namespace ez_rknn::npu::matmul {
namespace {

template <class T>
void store_integers(std::span<const double> values, std::int32_t zero_point, std::byte* row) {
  // Adding 1.5 * 2^52 leaves no bits behind the point, rounded as the FPU rounds: to nearest, ties to even. Unlike a
  // call of nearbyint this is a vector loop on every machine.
  constexpr double kShift = 6755399441055744.0;
  const double lowest = static_cast<double>(std::numeric_limits<T>::min()) - zero_point;
  const double highest = static_cast<double>(std::numeric_limits<T>::max()) - zero_point;
  T* out = reinterpret_cast<T*>(row);
  for (std::size_t n = 0; n < values.size(); ++n) {
    double v = values[n];
    v = v < lowest ? lowest : v;
    v = v > highest ? highest : v;
    out[n] = static_cast<T>(static_cast<std::int32_t>((v + kShift) - kShift) + zero_point);
  }
}

template <class V>
void store_floats(DType type, std::span<const V> values, std::byte* row) {
  const auto each = [&](auto* out, auto convert) {
    for (std::size_t n = 0; n < values.size(); ++n) out[n] = convert(static_cast<float>(values[n]));
  };
  if (type == DType::f32) each(reinterpret_cast<float*>(row), [](float v) { return v; });
  else if (type == DType::f16) each(reinterpret_cast<std::uint16_t*>(row), float_to_half);
  else each(reinterpret_cast<std::uint16_t*>(row), float_to_bfloat);
}

}  // namespace

void finish(DType type, std::span<const double> values, std::int32_t zero_point, std::byte* row) {
  switch (type) {
    case DType::i8: return store_integers<std::int8_t>(values, zero_point, row);
    case DType::i16: return store_integers<std::int16_t>(values, zero_point, row);
    case DType::i32: return store_integers<std::int32_t>(values, zero_point, row);
    default: return store_floats(type, values, row);
  }
}

void finish(DType type, std::span<const float> values, std::byte* row) { store_floats(type, values, row); }

}  // namespace ez_rknn::npu::matmul
