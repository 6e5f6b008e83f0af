#include "npu/ops/rows.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "core/fp16.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// Both conversions in a form without branches, which the compiler turns into vector code on every machine. They equal
/// core/fp16.hpp bit for bit, except that narrowing saturates.
inline float widen_half(std::uint16_t h) {
  const std::uint32_t magnitude = (h & 0x7fffu) << 13;
  // As a float the exponent is 112 too low; a multiplication also makes subnormals right.
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  const std::uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | special | (std::uint32_t{h & 0x8000u} << 16));
}

inline std::uint16_t narrow_half(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  std::uint32_t magnitude = bits & 0x7fffffffu;
  const bool nan = magnitude > 0x7f800000u;
  magnitude = magnitude > 0x477fe000u ? 0x477fe000u : magnitude;
  const std::uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Adding 0.5 leaves exactly the subnormal's bits in the low mantissa, rounded by the machine.
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const std::uint32_t value = magnitude < 0x38800000u ? subnormal : normal;
  return static_cast<std::uint16_t>(sign | (nan ? 0x7e00u : value));
}

/// Calls body(i) for i in [0, n) with a loop of its own for neighbours, which is the one worth vectorising.
template <class P, class Body>
inline void each(P* p, std::ptrdiff_t stride, std::int64_t n, Body body) {
  if (stride == 1) {
    for (std::int64_t i = 0; i < n; ++i) body(p[i], i);
  } else {
    for (std::int64_t i = 0; i < n; ++i) body(p[i * stride], i);
  }
}

template <class S, class T>
void load_integers(const S* p, std::ptrdiff_t stride, std::int64_t n, Quant q, T* to) {
  if (q == Quant{}) {
    each(p, stride, n, [&](S v, std::int64_t i) { to[i] = static_cast<T>(v); });
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    each(p, stride, n, [&](S v, std::int64_t i) {
      to[i] = to_int64((static_cast<double>(v) - q.zero_point) * static_cast<double>(q.scale));
    });
  } else {
    const T scale = q.scale, zero = static_cast<T>(q.zero_point);
    each(p, stride, n, [&](S v, std::int64_t i) { to[i] = (static_cast<T>(v) - zero) * scale; });
  }
}

template <class T>
T real_as(float v) {
  if constexpr (std::is_same_v<T, std::int64_t>) return to_int64(v);
  else return v;
}

/// rint for numbers far below 2^22 (float) or 2^51 (double): adding 1.5 * 2^23 (2^52) leaves the integer in the low
/// bits, rounded half to even by the machine; unlike nearbyint this vectorises everywhere.
inline std::int32_t round_bits(float x) {
  return static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x + 0x1.8p23f) -
                                   std::bit_cast<std::uint32_t>(0x1.8p23f));
}
inline std::int64_t round_bits(double x) {
  return static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(x + 0x1.8p52) - std::bit_cast<std::uint64_t>(0x1.8p52));
}

template <class D, class T>
void store_small(D* p, std::ptrdiff_t stride, std::int64_t n, Quant q, const T* from) {
  const T scale = q.scale, zero = static_cast<T>(q.zero_point);
  const T low = std::numeric_limits<D>::min() - zero, high = std::numeric_limits<D>::max() - zero;
  // Rounded before the zero point is added: a tie goes the same way whatever the zero point is. NaN becomes the zero
  // point, which may itself be out of range in a damaged file: clamp last, and add without overflow.
  using Bits = std::make_unsigned_t<decltype(round_bits(T{}))>;
  const auto offset = static_cast<Bits>(q.zero_point);
  each(p, stride, n, [&](D& d, std::int64_t i) {
    T v = from[i] / scale;
    v = v == v ? v : T{0};
    v = v < low ? low : v;
    v = v > high ? high : v;
    d = static_cast<D>(static_cast<Bits>(round_bits(v)) + offset);
  });
}

template <class D>
void store_wide(D* p, std::ptrdiff_t stride, std::int64_t n, Quant q, const double* from) {
  if (q == Quant{}) {
    const std::int64_t low = std::is_unsigned_v<D> ? 0 : static_cast<std::int64_t>(std::numeric_limits<D>::min());
    const std::int64_t high = sizeof(D) == 8 ? INT64_MAX : static_cast<std::int64_t>(std::numeric_limits<D>::max());
    each(p, stride, n, [&](D& d, std::int64_t i) { d = static_cast<D>(std::clamp(to_int64(from[i]), low, high)); });
  } else {
    const double low = (sizeof(D) == 8 ? -0x1p50 : static_cast<double>(std::numeric_limits<D>::min())) - q.zero_point;
    const double high = (sizeof(D) == 8 ? 0x1p50 : static_cast<double>(std::numeric_limits<D>::max())) - q.zero_point;
    each(p, stride, n, [&](D& d, std::int64_t i) {
      double v = from[i] / q.scale;
      v = v == v ? std::clamp(v, low, high) : std::clamp(0.0, low, high);
      d = static_cast<D>(round_bits(v) + q.zero_point);
    });
  }
}

template <class D>
void store_exact(D* p, std::ptrdiff_t stride, std::int64_t n, const std::int64_t* from) {
  const std::int64_t low = std::is_unsigned_v<D> ? 0 : static_cast<std::int64_t>(std::numeric_limits<D>::min());
  const std::int64_t high = sizeof(D) == 8 ? INT64_MAX : static_cast<std::int64_t>(std::numeric_limits<D>::max());
  each(p, stride, n, [&](D& d, std::int64_t i) { d = static_cast<D>(std::clamp(from[i], low, high)); });
}

template <class Byte, class F>
void with_integers(DType type, Byte* data, F f) {
  const auto as = [&]<class V>(V) {
    if constexpr (std::is_const_v<Byte>) f(reinterpret_cast<const V*>(data));
    else f(reinterpret_cast<V*>(data));
  };
  switch (type) {
    case DType::i8: return as(std::int8_t{});
    case DType::u8: return as(std::uint8_t{});
    case DType::i16: return as(std::int16_t{});
    case DType::u16: return as(std::uint16_t{});
    case DType::i32: return as(std::int32_t{});
    case DType::u32: return as(std::uint32_t{});
    case DType::i64: return as(std::int64_t{});
    case DType::u64: return as(std::uint64_t{});
    default: return;
  }
}

/// Hands a row to `store` in pieces of another number type.
template <class To, class From, class F>
void in_pieces(std::int64_t n, const From* from, F store) {
  To piece[64];
  for (std::int64_t i = 0; i < n; i += 64) {
    const std::int64_t m = std::min<std::int64_t>(64, n - i);
    for (std::int64_t k = 0; k < m; ++k) piece[k] = static_cast<To>(from[i + k]);
    store(i, m, piece);
  }
}

}  // namespace

template <class T>
void load_row(const ConstTensorView& v, std::ptrdiff_t at, std::ptrdiff_t stride, std::int64_t n, T* to) {
  switch (v.dtype) {
    case DType::f32: return each(v.as<float>() + at, stride, n, [&](float x, auto i) { to[i] = real_as<T>(x); });
    case DType::f16:
      return each(v.as<std::uint16_t>() + at, stride, n, [&](auto x, auto i) { to[i] = real_as<T>(widen_half(x)); });
    case DType::bf16:
      return each(v.as<std::uint16_t>() + at, stride, n,
                  [&](auto x, auto i) { to[i] = real_as<T>(bfloat_to_float(x)); });
    case DType::boolean:
      return each(v.as<std::uint8_t>() + at, stride, n, [&](auto x, auto i) { to[i] = static_cast<T>(x != 0); });
    default: with_integers(v.dtype, v.data, [&](const auto* p) { load_integers(p + at, stride, n, v.quant, to); });
  }
}

template <class T>
void store_row(const TensorView& v, std::ptrdiff_t at, std::ptrdiff_t stride, std::int64_t n, const T* from) {
  constexpr bool exact = std::is_same_v<T, std::int64_t>;
  switch (v.dtype) {
    case DType::f32:
      return each(v.as<float>() + at, stride, n, [&](float& d, auto i) { d = static_cast<float>(from[i]); });
    case DType::f16:
      return each(v.as<std::uint16_t>() + at, stride, n,
                  [&](std::uint16_t& d, auto i) { d = narrow_half(static_cast<float>(from[i])); });
    case DType::bf16:
      return each(v.as<std::uint16_t>() + at, stride, n,
                  [&](std::uint16_t& d, auto i) { d = float_to_bfloat(static_cast<float>(from[i])); });
    case DType::boolean:
      return each(v.as<std::uint8_t>() + at, stride, n, [&](std::uint8_t& d, auto i) { d = from[i] != T{0}; });
    default: break;
  }
  if constexpr (exact) {
    if (v.quant == Quant{})
      return with_integers(v.dtype, v.data, [&](auto* p) { store_exact(p + at, stride, n, from); });
    return in_pieces<double>(n, from, [&](std::int64_t i, std::int64_t m, const double* piece) {
      store_row(v, at + i * stride, stride, m, piece);
    });
  } else {
    with_integers(v.dtype, v.data, [&](auto* p) {
      using D = std::remove_pointer_t<decltype(p)>;
      if constexpr (sizeof(D) <= 2) store_small(p + at, stride, n, v.quant, from);
      else if constexpr (std::is_same_v<T, double>) store_wide(p + at, stride, n, v.quant, from);
      else
        in_pieces<double>(n, from, [&](std::int64_t i, std::int64_t m, const double* piece) {
          store_wide(p + at + i * stride, stride, m, v.quant, piece);
        });
    });
  }
}

template void load_row(const ConstTensorView&, std::ptrdiff_t, std::ptrdiff_t, std::int64_t, float*);
template void load_row(const ConstTensorView&, std::ptrdiff_t, std::ptrdiff_t, std::int64_t, double*);
template void load_row(const ConstTensorView&, std::ptrdiff_t, std::ptrdiff_t, std::int64_t, std::int64_t*);
template void store_row(const TensorView&, std::ptrdiff_t, std::ptrdiff_t, std::int64_t, const float*);
template void store_row(const TensorView&, std::ptrdiff_t, std::ptrdiff_t, std::int64_t, const double*);
template void store_row(const TensorView&, std::ptrdiff_t, std::ptrdiff_t, std::int64_t, const std::int64_t*);

}  // namespace ez_rknn::npu::ops
