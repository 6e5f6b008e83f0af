#pragma once
/// The formula of npu/io/convert.hpp, element by element, for tests.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/fp16.hpp"
#include "core/tensor_view.hpp"
#include "rknn_file/model.hpp"

namespace naive {

using namespace ez_rknn;

template <class T>
T get(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline double number(const std::byte* p, DType t) {
  switch (t) {
    case DType::f32: return get<float>(p);
    case DType::f16: return half_to_float(get<std::uint16_t>(p));
    case DType::bf16: return bfloat_to_float(get<std::uint16_t>(p));
    case DType::i8: return get<std::int8_t>(p);
    case DType::u8: return get<std::uint8_t>(p);
    case DType::i16: return get<std::int16_t>(p);
    case DType::u16: return get<std::uint16_t>(p);
    case DType::i32: return get<std::int32_t>(p);
    case DType::u32: return get<std::uint32_t>(p);
    case DType::i64: return static_cast<double>(get<std::int64_t>(p));
    case DType::u64: return static_cast<double>(get<std::uint64_t>(p));
    case DType::boolean: return get<std::uint8_t>(p) != 0;
    case DType::i4: break;
  }
  return 0;
}

template <class T>
void put(std::byte* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

template <class T>
void put_integer(std::byte* p, double v) {
  if (!(v > static_cast<double>(std::numeric_limits<T>::min()))) return put(p, std::numeric_limits<T>::min());
  if (v >= static_cast<double>(std::numeric_limits<T>::max())) return put(p, std::numeric_limits<T>::max());
  put(p, static_cast<T>(std::nearbyint(v)));
}

template <class Real>
void store(std::byte* p, DType t, Quant q, Real real) {
  const double v =
      std::nearbyint(static_cast<Real>(real / static_cast<Real>(q.scale))) + static_cast<Real>(q.zero_point);
  const double rounded_sum = static_cast<Real>(v);
  switch (t) {
    case DType::f32: return put(p, static_cast<float>(real));
    case DType::f16: return put(p, float_to_half(static_cast<float>(real)));
    case DType::bf16: return put(p, float_to_bfloat(static_cast<float>(real)));
    case DType::i8: return put_integer<std::int8_t>(p, rounded_sum);
    case DType::u8: return put_integer<std::uint8_t>(p, rounded_sum);
    case DType::i16: return put_integer<std::int16_t>(p, rounded_sum);
    case DType::u16: return put_integer<std::uint16_t>(p, rounded_sum);
    case DType::i32: return put_integer<std::int32_t>(p, rounded_sum);
    case DType::u32: return put_integer<std::uint32_t>(p, rounded_sum);
    case DType::i64: return put_integer<std::int64_t>(p, rounded_sum);
    case DType::u64: return put_integer<std::uint64_t>(p, rounded_sum);
    case DType::boolean: return put(p, static_cast<std::uint8_t>(real != 0));
    case DType::i4: break;
  }
}

inline bool wide(DType t) { return !is_float(t) && size_of(t) >= 4; }

template <class Real>
void element(const std::byte* from, DType ft, Quant fq, const float* mean, const float* std, std::byte* to, DType tt,
             Quant tq) {
  Real x = static_cast<Real>(number(from, ft));
  if (fq != Quant{}) x = static_cast<Real>(x - static_cast<Real>(fq.zero_point)) * static_cast<Real>(fq.scale);
  if (mean) x = static_cast<Real>(x - static_cast<Real>(*mean)) / static_cast<Real>(*std);
  store<Real>(to, tt, tq, x);
}

inline void convert(const ConstTensorView& from, const TensorView& to, const file::Normalisation* norm = nullptr) {
  const std::int64_t n = to.shape.elements();
  const bool per_channel = norm && to.shape.rank() >= 2 && static_cast<std::int64_t>(norm->mean.size()) >= to.shape[1];
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t rest = i, f = 0, t = 0, channel = 0;
    for (int d = to.shape.rank() - 1; d >= 0; --d) {
      const std::int64_t at = rest % to.shape[d];
      rest /= to.shape[d];
      std::int64_t source = at;
      if (d == 1) channel = at;
      if (d == 1 && per_channel && !norm->order.empty()) source = norm->order[static_cast<std::size_t>(at)];
      f += source * from.strides[d];
      t += at * to.strides[d];
    }
    const std::byte* a = from.data + f * static_cast<std::int64_t>(size_of(from.dtype));
    std::byte* b = to.data + t * static_cast<std::int64_t>(size_of(to.dtype));
    const auto c = static_cast<std::size_t>(channel);
    const float *mean = per_channel ? &norm->mean[c] : nullptr, *std = per_channel ? &norm->std[c] : nullptr;
    if (mean && *mean == 0 && *std == 1) mean = nullptr;
    if (!mean && from.dtype == to.dtype && from.quant == to.quant) std::memcpy(b, a, size_of(to.dtype));
    else if (wide(from.dtype) || wide(to.dtype))
      element<double>(a, from.dtype, from.quant, mean, std, b, to.dtype, to.quant);
    else element<float>(a, from.dtype, from.quant, mean, std, b, to.dtype, to.quant);
  }
}

/// Bytes that mean sensible numbers of the type: no NaN, mostly small, some extreme.
inline std::vector<std::byte> random_values(std::size_t n, DType t, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(n * size_of(t));
  for (std::size_t i = 0; i < n; ++i) {
    std::byte* p = bytes.data() + i * size_of(t);
    const double small = std::uniform_real_distribution<>(-300, 300)(random);
    const double v = random() % 50 == 0 ? small * 1e6 : random() % 4 == 0 ? std::nearbyint(small) / 2 : small;
    if (size_of(t) == 1) *p = std::byte(random() & 0xff);
    else store<double>(p, t, {}, v);
    if (t == DType::boolean) *p = std::byte(random() & 1);
  }
  return bytes;
}

}  // namespace naive
