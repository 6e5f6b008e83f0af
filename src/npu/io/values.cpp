#include "npu/io/values.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/fp16.hpp"
#include "npu/kernels/halves.hpp"

namespace ez_rknn::npu::io {
namespace {

struct Half {
  std::uint16_t bits;
};
struct Brain {
  std::uint16_t bits;
};

template <class Real, class T>
Real to_real(T v) {
  if constexpr (std::is_same_v<T, Half>) return half_to_float(v.bits);
  else if constexpr (std::is_same_v<T, Brain>) return bfloat_to_float(v.bits);
  else if constexpr (std::is_same_v<T, bool>) return v ? Real(1) : Real(0);
  else return static_cast<Real>(v);
}

/// User memory may have any alignment: elements are read and written by memcpy, which compiles to plain moves.
template <class T>
T element(const std::byte* p) {
  using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
  Stored v;
  std::memcpy(&v, p, sizeof v);
  if constexpr (std::is_same_v<T, bool>) return v != 0;
  else return v;
}

template <class Real, class T>
void load(const std::byte* from, std::ptrdiff_t stride, std::size_t n, Real* to) {
  if constexpr (std::is_same_v<T, Half> && std::is_same_v<Real, float>)
    if (stride == 1) return kernels::half_runs().widen(from, to, n);
  if (stride == 1)  // a loop of its own: this one vectorises
    for (std::size_t i = 0; i < n; ++i) to[i] = to_real<Real>(element<T>(from + i * sizeof(T)));
  else
    for (std::size_t i = 0; i < n; ++i)
      to[i] = to_real<Real>(element<T>(from + static_cast<std::ptrdiff_t>(i) * stride * std::ptrdiff_t(sizeof(T))));
}

/// To the nearest integer, halves to even, for |v| < 2^22 (float) or 2^51 (double): adding 1.5 * 2^23 or 2^52 leaves no
/// room for a fraction. Unlike std::nearbyint it vectorises everywhere.
template <class Real>
Real round_even(Real v) {
  constexpr Real kMagic = sizeof(Real) == 4 ? Real(0x1.8p23) : Real(0x1.8p52);
  return (v + kMagic) - kMagic;
}

/// `v` is rounded before the zero point is added, so that a tie goes the same way whatever the zero point is.
template <class Real, class T>
T saturate(Real v, Real zero_point) {
  constexpr T kLowest = std::numeric_limits<T>::min(), kHighest = std::numeric_limits<T>::max();
  if constexpr (sizeof(T) == 8) {  // the highest value is not a double, its successor is
    constexpr Real kBeyond = std::is_signed_v<T> ? 0x1p63 : 0x1p64;
    v = std::nearbyint(v) + zero_point;
    return !(v > static_cast<Real>(kLowest)) ? kLowest : v >= kBeyond ? kHighest : static_cast<T>(v);
  } else {
    const Real low = static_cast<Real>(kLowest) - zero_point, high = static_cast<Real>(kHighest) - zero_point;
    v = v > low ? v : low;  // in this order a NaN becomes the lowest
    v = v < high ? v : high;
    v = round_even(v) + zero_point;
    if constexpr (sizeof(T) == 4) return static_cast<T>(v);
    else return static_cast<T>(static_cast<std::int32_t>(v));
  }
}

template <class Real, class T>
void store_integer(const Real* from, std::size_t n, Quant quant, std::byte* to) {
  const Real scale = quant.scale, zero_point = static_cast<Real>(quant.zero_point);
  for (std::size_t i = 0; i < n; ++i) {
    const T q = saturate<Real, T>(from[i] / scale, zero_point);
    std::memcpy(to + i * sizeof q, &q, sizeof q);
  }
}

template <class Real>
void store_half(const Real* from, std::size_t n, Quant, std::byte* to) {
  if constexpr (std::is_same_v<Real, float>) return kernels::half_runs().narrow(from, to, n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint16_t h = float_to_half(static_cast<float>(from[i]));
    std::memcpy(to + i * 2, &h, 2);
  }
}

template <class Real>
void store_brain(const Real* from, std::size_t n, Quant, std::byte* to) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint16_t b = float_to_bfloat(static_cast<float>(from[i]));
    std::memcpy(to + i * 2, &b, 2);
  }
}

template <class Real>
void store_float(const Real* from, std::size_t n, Quant, std::byte* to) {
  for (std::size_t i = 0; i < n; ++i) {
    const float f = static_cast<float>(from[i]);
    std::memcpy(to + i * 4, &f, 4);
  }
}

template <class Real>
void store_bool(const Real* from, std::size_t n, Quant, std::byte* to) {
  for (std::size_t i = 0; i < n; ++i) to[i] = std::byte(from[i] != 0);
}

}  // namespace

template <class Real>
Loader<Real> loader(DType type) {
  switch (type) {
    case DType::f32: return load<Real, float>;
    case DType::f16: return load<Real, Half>;
    case DType::bf16: return load<Real, Brain>;
    case DType::i8: return load<Real, std::int8_t>;
    case DType::u8: return load<Real, std::uint8_t>;
    case DType::i16: return load<Real, std::int16_t>;
    case DType::u16: return load<Real, std::uint16_t>;
    case DType::i32: return load<Real, std::int32_t>;
    case DType::u32: return load<Real, std::uint32_t>;
    case DType::i64: return load<Real, std::int64_t>;
    case DType::u64: return load<Real, std::uint64_t>;
    case DType::boolean: return load<Real, bool>;
    case DType::i4: return nullptr;
  }
  return nullptr;
}

template <class Real>
Storer<Real> storer(DType type) {
  switch (type) {
    case DType::f32: return store_float<Real>;
    case DType::f16: return store_half<Real>;
    case DType::bf16: return store_brain<Real>;
    case DType::i8: return store_integer<Real, std::int8_t>;
    case DType::u8: return store_integer<Real, std::uint8_t>;
    case DType::i16: return store_integer<Real, std::int16_t>;
    case DType::u16: return store_integer<Real, std::uint16_t>;
    case DType::boolean: return store_bool<Real>;
    default: break;
  }
  if constexpr (std::is_same_v<Real, double>) switch (type) {
      case DType::i32: return store_integer<Real, std::int32_t>;
      case DType::u32: return store_integer<Real, std::uint32_t>;
      case DType::i64: return store_integer<Real, std::int64_t>;
      case DType::u64: return store_integer<Real, std::uint64_t>;
      default: break;
    }
  return nullptr;
}

template Loader<float> loader<float>(DType);
template Loader<double> loader<double>(DType);
template Storer<float> storer<float>(DType);
template Storer<double> storer<double>(DType);

}  // namespace ez_rknn::npu::io
