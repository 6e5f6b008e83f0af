#pragma once
// Random matrices, where their elements lie, and the multiplication by its definition: written from docs/matmul.md,
// without the library's own layouts.
#include <cmath>
#include <cstring>
#include <random>
#include <string_view>
#include <vector>

#include "core/fp16.hpp"
#include "npu/matmul/matmul.hpp"

namespace matrices {

using namespace ez_rknn;
using namespace ez_rknn::npu::matmul;

struct Unit {
  std::string_view chip;
  DType type;  // of A
  int a, n, k;
};
// The published table.
constexpr Unit kUnits[] = {
    {"rk3588", DType::i8, 16, 32, 32}, {"rk3588", DType::f16, 8, 16, 32}, {"rk3588", DType::i4, 32, 64, 32},
    {"rk3576", DType::i8, 16, 32, 32}, {"rk3576", DType::f16, 8, 16, 32}, {"rk3576", DType::i4, 32, 64, 32},
    {"rk3562", DType::i8, 16, 16, 32}, {"rk3562", DType::f16, 8, 8, 32},  {"rk3566", DType::i8, 8, 16, 32},
    {"rk3566", DType::f16, 4, 8, 16},  {"rk3568", DType::i8, 8, 16, 32},  {"rk3568", DType::f16, 4, 8, 16},
};

inline const Unit& unit_of(std::string_view chip, DType a) {
  for (const Unit& u : kUnits)
    if (u.chip == chip && u.type == a) return u;
  throw std::out_of_range("no unit");
}

struct Case {
  std::string_view chip;
  Spec spec;
  Shape shape;
  std::uint32_t seed = 1;
};

inline std::size_t index_a(const Case& c, int m, int k) {
  const int u = unit_of(c.chip, c.spec.types.a).a;
  return std::size_t(c.spec.ac_native ? k / u * c.shape.m * u + m * u + k % u : m * c.shape.k + k);
}
inline int unit_c(const Case& c) {
  const bool small_atom = c.chip == "rk3566" || c.chip == "rk3568";
  switch (c.spec.types.c) {
    case DType::i8: return small_atom ? 8 : 16;
    case DType::i32:
    case DType::f32: return 4;
    default: return small_atom ? 4 : 8;
  }
}
inline std::size_t index_c(const Case& c, int m, int n) {
  const int u = unit_c(c);
  return std::size_t(c.spec.ac_native ? n / u * c.shape.m * u + m * u + n % u : m * c.shape.n + n);
}
inline std::size_t index_b(const Case& c, int k, int n) {
  const Shape& s = c.shape;
  if (c.spec.b_layout == Layout::normal) return std::size_t(k) * std::size_t(s.n) + std::size_t(n);
  if (c.spec.b_layout == Layout::transposed) return std::size_t(n) * std::size_t(s.k) + std::size_t(k);
  const Unit& u = unit_of(c.chip, c.spec.types.a);
  const int limit = c.chip == "rk3588" ? 8192 : c.chip == "rk3576" ? 4096 : s.k;
  const int segment = k / limit, inside = k % limit, rows = std::min(limit, s.k - segment * limit);
  return std::size_t(segment) * std::size_t(limit) * std::size_t(s.n) +
         std::size_t(((n / u.n * (rows / u.k) + inside / u.k) * u.n + n % u.n) * u.k + inside % u.k);
}

inline void put(std::vector<std::byte>& out, DType type, std::size_t i, double v) {
  if (type == DType::i4) {
    const auto nibble = std::byte(int(v) & 15);
    out[i / 2] = i % 2 ? (out[i / 2] & std::byte{0x0f}) | nibble << 4 : (out[i / 2] & std::byte{0xf0}) | nibble;
  } else if (type == DType::i8) {
    out[i] = std::byte(int(v) & 255);
  } else {
    const std::uint16_t h = float_to_half(float(v));
    std::memcpy(&out[i * 2], &h, 2);
  }
}

inline double get(const std::byte* in, DType type, std::size_t i) {
  const auto as = [&]<class T>(T v) {
    std::memcpy(&v, in + i * sizeof(T), sizeof(T));
    return v;
  };
  switch (type) {
    case DType::i8: return as(std::int8_t{});
    case DType::i16: return as(std::int16_t{});
    case DType::i32: return as(std::int32_t{});
    case DType::f32: return double(as(float{}));
    case DType::f16: return double(half_to_float(as(std::uint16_t{})));
    default: return double(bfloat_to_float(as(std::uint16_t{})));
  }
}

// The matrices of a case as plain numbers, and encoded.
struct Data {
  explicit Data(const Case& c) : random(c.seed) {
    const Shape& s = c.shape;
    a_values = values(c.spec.types.a, std::size_t(s.m) * std::size_t(s.k));
    b_values = values(c.spec.types.b, std::size_t(s.k) * std::size_t(s.n));
    a.resize(bytes_of(c.spec, s, Matrix::a));
    b.resize(bytes_of(c.spec, s, Matrix::b));
    c_bytes.assign(bytes_of(c.spec, s, Matrix::c), std::byte{0x5a});
    for (int m = 0; m < s.m; ++m)
      for (int k = 0; k < s.k; ++k) put(a, c.spec.types.a, index_a(c, m, k), a_at(c, m, k));
    for (int k = 0; k < s.k; ++k)
      for (int n = 0; n < s.n; ++n) put(b, c.spec.types.b, index_b(c, k, n), b_at(c, k, n));
  }
  std::vector<double> values(DType type, std::size_t count) {
    std::vector<double> v(count);
    std::uniform_int_distribution<int> i8(-128, 127), i4(-8, 7);
    std::uniform_real_distribution<float> real(-2, 2);
    for (double& x : v)
      x = type == DType::i8 ? i8(random) : type == DType::i4 ? i4(random) : double(round_to_half(real(random)));
    return v;
  }
  double a_at(const Case& c, int m, int k) const {
    return a_values[std::size_t(m) * std::size_t(c.shape.k) + std::size_t(k)];
  }
  double b_at(const Case& c, int k, int n) const {
    return b_values[std::size_t(k) * std::size_t(c.shape.n) + std::size_t(n)];
  }

  std::mt19937 random;
  std::vector<double> a_values, b_values;
  std::vector<std::byte> a, b, c_bytes;
};

// Quantisation as plain tables; empty: none set.
struct Tables {
  std::vector<float> scale_a{1}, scale_b{1}, scale_c{1};
  std::vector<std::int32_t> zero_a{0}, zero_b{0}, zero_c{0};
  int columns = 0;  // of a row of B's tables
  float b_scale(const Case& c, int k, int n) const { return pick(c, scale_b, k, n); }
  std::int32_t b_zero(const Case& c, int k, int n) const { return pick(c, zero_b, k, n); }

 private:
  template <class T>
  T pick(const Case& c, const std::vector<T>& v, int k, int n) const {
    if (v.size() == 1) return v[0];
    const int group = c.spec.granularity == Granularity::per_group ? k / c.spec.group : 0;
    return v[std::size_t(group * columns + n)];
  }
};

inline Tables random_tables(const Case& c, std::mt19937& random, int columns, int rows) {
  Tables t;
  t.columns = columns;
  std::uniform_real_distribution<float> scale(0.01f, 0.2f);
  std::uniform_int_distribution<int> zero(-128, 127), small(-8, 7);
  const int count = c.spec.granularity == Granularity::per_layer     ? 1
                    : c.spec.granularity == Granularity::per_channel ? columns
                                                                     : columns * (rows / c.spec.group);
  if (!is_float(c.spec.types.b)) {
    t.scale_b.resize(std::size_t(count));
    t.zero_b.resize(std::size_t(count));
    for (float& s : t.scale_b) s = scale(random);
    if (c.spec.b_asymmetric)
      for (auto& z : t.zero_b) z = c.spec.types.b == DType::i4 ? small(random) : zero(random);
  }
  if (!is_float(c.spec.types.a)) {
    t.scale_a[0] = scale(random);
    if (c.spec.ac_asymmetric) t.zero_a[0] = c.spec.types.a == DType::i4 ? small(random) : zero(random);
  }
  if (c.spec.types.c == DType::i8) {
    t.scale_c[0] = t.scale_a[0] * t.scale_b[0] * 3000;
    if (c.spec.ac_asymmetric) t.zero_c[0] = zero(random);
  }
  return t;
}

struct Expected {
  long double value;      // before rounding to C's type
  long double magnitude;  // sum of absolute products, for error bounds of float sums
};

inline Expected expected(const Case& c, const Data& d, const Tables& t, int m, int n) {
  long double sum = 0, magnitude = 0;
  for (int k = 0; k < c.shape.k; ++k) {
    const long double product = (static_cast<long double>(d.a_at(c, m, k)) - t.zero_a[0]) *
                                (static_cast<long double>(d.b_at(c, k, n)) - t.b_zero(c, k, n)) * t.b_scale(c, k, n);
    sum += product;
    magnitude += std::fabs(product);
  }
  long double factor = t.scale_a[0];
  if (c.spec.types.c == DType::i32 || c.spec.types.c == DType::i16) {
    float most = 0;
    for (const float s : t.scale_b) most = std::max(most, s);
    factor = 1.0L / most;
  } else if (c.spec.types.c == DType::i8) {
    factor = factor / t.scale_c[0];
  }
  return {sum * factor + (c.spec.types.c == DType::i8 ? t.zero_c[0] : 0), magnitude * factor};
}

// How far a correct result may be from the exact one.
inline long double tolerance(const Case& c, const Expected& e) {
  const long double value = std::fabs(e.value);
  const long double sum = is_float(c.spec.types.a) ? e.magnitude * c.shape.k * 0x1p-24L : value * 0x1p-50L;
  switch (c.spec.types.c) {
    case DType::f32: return sum + value * 0x1p-24L + 1e-30L;
    case DType::f16: return sum + value * 0x1.01p-11L + 0x1p-25L;
    case DType::bf16: return sum + value * 0x1.01p-8L;
    default: return 0.5L + value * 1e-12L + e.magnitude * 1e-14L;
  }
}

inline long double saturated(DType type, long double v) {
  if (type == DType::f16) return std::fabs(v) >= 65520.0L ? std::copysign(INFINITY, v) : v;
  if (is_float(type)) return v;
  const long double low = type == DType::i8 ? -128 : type == DType::i16 ? -32768 : -2147483648.0L;
  return std::min(std::max(v, low), -1 - low);
}

// Elements of C that differ from the definition by more than they may.
inline int wrong(const Case& c, const Data& d, const Tables& t) {
  int count = 0;
  for (int m = 0; m < c.shape.m; ++m)
    for (int n = 0; n < c.shape.n; ++n) {
      Expected e = expected(c, d, t, m, n);
      e.value = saturated(c.spec.types.c, e.value);
      const long double got = get(d.c_bytes.data(), c.spec.types.c, index_c(c, m, n));
      if (got == e.value) continue;
      count += !(std::fabs(got - e.value) <= tolerance(c, e));
    }
  return count;
}

inline void bind(Matmul& mm, Data& d) {
  mm.bind(Matrix::a, d.a);
  mm.bind(Matrix::b, d.b);
  mm.bind(Matrix::c, d.c_bytes);
}
inline void set(Matmul& mm, const Tables& t) {
  mm.set_quantisation(Matrix::a, t.scale_a, t.zero_a);
  mm.set_quantisation(Matrix::b, t.scale_b, t.zero_b);
  mm.set_quantisation(Matrix::c, t.scale_c, t.zero_c);
}

}  // namespace matrices
