#include "npu/matmul/layout.hpp"

#include <algorithm>
#include <cstring>

namespace ez_rknn::npu::matmul {
namespace {

struct ReadI4 {
  using Element = std::int8_t;
  const std::byte* data;
  Element operator()(std::size_t i) const {
    const int nibble = (std::to_integer<int>(data[i / 2]) >> (i % 2 * 4)) & 15;
    return static_cast<Element>((nibble ^ 8) - 8);
  }
};

/// Callers' memory need not be aligned.
template <class T>
struct Read {
  using Element = T;
  const std::byte* data;
  Element operator()(std::size_t i) const {
    T v;
    std::memcpy(&v, data + i * sizeof(T), sizeof(T));
    return v;
  }
};

/// Calls f(reader) with the reader of `type`.
template <class F>
void with_reader(DType type, const std::byte* data, F f) {
  if (type == DType::i4) f(ReadI4{data});
  else if (type == DType::i8) f(Read<std::int8_t>{data});
  else f(Read<std::uint16_t>{data});
}

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Runs of a column that lie side by side in a transposed or native B: f(column, first row, rows, index of the first).
template <class F>
void for_each_run(const Chip& chip, const Spec& spec, const Shape& s, Layout layout, int first, int end, F f) {
  const std::int64_t k_all = s.k;
  if (layout == Layout::transposed) {
    for (int n = first; n < end; ++n) f(n, 0, s.k, at(n * k_all));
    return;
  }
  const Tile tile = chip.b_tile(spec.types.a);
  const int segment = chip.k_segment ? chip.k_segment : s.k;
  for (int k0 = 0; k0 < s.k; k0 += segment) {
    const int rows = std::min(segment, s.k - k0);
    for (int n0 = first; n0 < end; n0 += tile.n) {
      std::int64_t index = std::int64_t{k0} * s.n + std::int64_t{n0} * rows;
      for (int k = k0; k < k0 + rows; k += tile.k)
        for (int n = n0; n < n0 + tile.n; ++n, index += tile.k) f(n, k, tile.k, at(index));
    }
  }
}

/// [K,N] to columns, in blocks that stay in the first-level cache.
template <class R>
void transpose(const R& read, const Shape& s, int first, int end, typename R::Element* out) {
  constexpr int kBlock = 64;
  const std::int64_t k_all = s.k, n_all = s.n;
  for (int n0 = first; n0 < end; n0 += kBlock)
    for (int k0 = 0; k0 < s.k; k0 += kBlock)
      for (int n = n0; n < std::min(n0 + kBlock, end); ++n)
        for (int k = k0; k < std::min(k0 + kBlock, s.k); ++k) out[(n - first) * k_all + k] = read(at(k * n_all + n));
}

}  // namespace

void rows_of(const Chip& chip, const Spec& spec, const Shape& s, const std::byte* a, int first, int end,
             std::byte* rows) {
  with_reader(spec.types.a, a, [&](auto read) {
    using Element = typename decltype(read)::Element;
    auto* out = reinterpret_cast<Element*>(rows);
    const int unit = spec.ac_native ? chip.a_unit(spec.types.a) : s.k;
    for (int m = first; m < end; ++m)
      for (int k = 0; k < s.k; k += unit) {
        const std::size_t index = at(std::int64_t{k} * s.m + std::int64_t{m} * unit);
        for (int i = 0; i < unit; ++i) *out++ = read(index + at(i));
      }
  });
}

void columns_of(const Chip& chip, const Spec& spec, const Shape& s, const std::byte* b, int first, int end,
                std::byte* columns) {
  with_reader(spec.types.b, b, [&](auto read) {
    using Element = typename decltype(read)::Element;
    auto* out = reinterpret_cast<Element*>(columns);
    if (spec.b_layout == Layout::normal) return transpose(read, s, first, end, out);
    for_each_run(chip, spec, s, spec.b_layout, first, end, [&](int n, int k, int count, std::size_t index) {
      Element* run = out + at(std::int64_t{n - first} * s.k + k);
      for (int i = 0; i < count; ++i) run[i] = read(index + at(i));
    });
  });
}

void store_row(const Chip& chip, const Spec& spec, const Shape& s, int m, const std::byte* row, std::byte* c) {
  const std::size_t size = size_of(spec.types.c);
  if (!spec.ac_native) {
    std::memcpy(c + at(m) * at(s.n) * size, row, at(s.n) * size);
    return;
  }
  const int unit = chip.c_unit(spec.types.c);
  for (int n = 0; n < s.n; n += unit)
    std::memcpy(c + at(std::int64_t{n} * s.m + std::int64_t{m} * unit) * size, row + at(n) * size, at(unit) * size);
}

void to_native(const Chip& chip, const Spec& spec, const Shape& s, const std::byte* in, std::byte* out) {
  const bool transposed = spec.b_layout == Layout::transposed;
  const std::int64_t step_n = transposed ? s.k : 1, step_k = transposed ? 1 : s.n;
  with_reader(spec.types.b, in, [&](auto read) {
    using Element = typename decltype(read)::Element;
    for_each_run(chip, spec, s, Layout::native, 0, s.n, [&](int n, int k, int count, std::size_t index) {
      const auto source = [&](int i) { return read(at(n * step_n + (k + i) * step_k)); };
      if (spec.types.b == DType::i4) {  // runs begin at even indexes and have even lengths
        for (int i = 0; i < count; i += 2)
          out[index / 2 + at(i) / 2] = static_cast<std::byte>((source(i) & 15) | (source(i + 1) & 15) << 4);
        return;
      }
      for (int i = 0; i < count; ++i) {
        const Element v = source(i);
        std::memcpy(out + (index + at(i)) * sizeof(Element), &v, sizeof(Element));
      }
    });
  });
}

}  // namespace ez_rknn::npu::matmul
