#pragma once
/// One element of a map, by type: how the references read and write. Fast kernels know their types at compile time.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/dtype.hpp"
#include "core/fp16.hpp"

namespace ez_rknn::npu::kernels {

template <class T>
T load_as(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
void store_as(std::byte* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

/// Types a feature map of the NPU can have.
constexpr bool is_map_integer(DType t) { return t == DType::i8 || t == DType::i16 || t == DType::i32; }
constexpr bool is_map_real(DType t) { return is_float(t); }

inline std::int64_t load_integer(const std::byte* p, DType t) {
  switch (t) {
    case DType::i8: return load_as<std::int8_t>(p);
    case DType::i16: return load_as<std::int16_t>(p);
    default: return load_as<std::int32_t>(p);
  }
}

inline float load_real(const std::byte* p, DType t) {
  switch (t) {
    case DType::f32: return load_as<float>(p);
    case DType::f16: return half_to_float(load_as<std::uint16_t>(p));
    case DType::bf16: return bfloat_to_float(load_as<std::uint16_t>(p));
    default: return static_cast<float>(load_integer(p, t));
  }
}

constexpr std::int64_t lowest_of(DType t) {
  return t == DType::i8 ? -128 : t == DType::i16 ? -32768 : std::numeric_limits<std::int32_t>::min();
}
constexpr std::int64_t highest_of(DType t) { return -1 - lowest_of(t); }

/// Saturates to `t`.
inline void store_integer(std::byte* p, DType t, std::int64_t v) {
  v = std::clamp(v, lowest_of(t), highest_of(t));
  switch (t) {
    case DType::i8: return store_as(p, static_cast<std::int8_t>(v));
    case DType::i16: return store_as(p, static_cast<std::int16_t>(v));
    default: return store_as(p, static_cast<std::int32_t>(v));
  }
}

/// f32, then the shorter type: the DPU's values are f32.
inline void store_real(std::byte* p, DType t, double v) {
  const auto single = static_cast<float>(v);
  if (t == DType::f16) store_as(p, float_to_half(single));
  else if (t == DType::bf16) store_as(p, float_to_bfloat(single));
  else store_as(p, single);
}

}  // namespace ez_rknn::npu::kernels
