#include "npu/ops/copy.hpp"

#include <algorithm>
#include <cstring>

#include "npu/ops/byte_table.hpp"

namespace ez_rknn::npu::ops {
namespace {

using Steps = Nest<2>::Steps;

template <class T>
void copy_row(const T* from, std::ptrdiff_t from_step, T* to, std::ptrdiff_t to_step, std::int64_t n) {
  if (to_step == 1 && from_step == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
  } else if (to_step == 1 && from_step == 0) {
    std::fill_n(to, n, *from);
  } else if (to_step == 1) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = from[i * from_step];
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i * to_step] = from[i * from_step];
  }
}

template <int N, class T>
void copy_runs(const T* from, std::ptrdiff_t from_step, T* to, std::ptrdiff_t to_step, std::int64_t runs) {
  for (std::int64_t i = 0; i < runs; ++i, from += from_step, to += to_step) std::memcpy(to, from, N * sizeof(T));
}

/// A transposition: the source's neighbours lie along another loop than the destination's. Square tiles keep the cache
/// lines of both sides alive.
template <class T>
void copy_plane(const T* from, T* to, std::int64_t outer, Steps outer_step, std::int64_t inner, Steps inner_step) {
  if (outer_step == Steps{1, 1}) switch (outer) {  // neighbours on both sides, but few of them (DepthToSpace)
      case 2: return copy_runs<2>(from, inner_step[0], to, inner_step[1], inner);
      case 3: return copy_runs<3>(from, inner_step[0], to, inner_step[1], inner);
      case 4: return copy_runs<4>(from, inner_step[0], to, inner_step[1], inner);
      default: break;
    }
  constexpr std::int64_t kTile = 32;
  for (std::int64_t a = 0; a < outer; a += kTile)
    for (std::int64_t b = 0; b < inner; b += kTile) {
      const std::int64_t rows = std::min(kTile, outer - a), columns = std::min(kTile, inner - b);
      for (std::int64_t i = 0; i < rows; ++i)
        copy_row(from + (a + i) * outer_step[0] + b * inner_step[0], inner_step[0],
                 to + (a + i) * outer_step[1] + b * inner_step[1], inner_step[1], columns);
    }
}

/// `nest` with loop `i` moved to the place before the innermost.
Nest<2> with_second_innermost(const Nest<2>& nest, int i) {
  Nest<2> n;
  for (int k = 0; k < nest.rank(); ++k)
    if (k != i && k != nest.rank() - 1) n.add(nest.size(k), nest.step(k));
  n.add(nest.size(i), nest.step(i));
  n.add(nest.size(nest.rank() - 1), nest.step(nest.rank() - 1));
  return n;
}

/// A nest whose innermost loop is N neighbours on both sides (pixels of a map's channels), which a call for each run
/// would take longer than.
template <int N, class T>
void copy_all_runs(const T* from, T* to, const Nest<2>& nest) {
  const int runs = nest.rank() - 2;
  nest.walk(runs, [&](const Steps& at) {
    copy_runs<N>(from + at[0], nest.step(runs)[0], to + at[1], nest.step(runs)[1], nest.size(runs));
  });
}

template <class T>
void copy_stored(const std::byte* from, std::byte* to, const Nest<2>& nest) {
  const T* s = reinterpret_cast<const T*>(from);
  T* d = reinterpret_cast<T*>(to);
  const int inner = nest.rank() - 1;
  if (inner >= 1 && nest.step(inner)[0] != 1)
    for (int i = 0; i < inner; ++i)
      if (nest.step(i)[0] == 1) {
        const Nest<2> n = with_second_innermost(nest, i);
        return n.walk(inner - 1, [&](const Steps& at) {
          copy_plane(s + at[0], d + at[1], n.size(inner - 1), n.step(inner - 1), n.size(inner), n.step(inner));
        });
      }
  if (inner >= 1 && nest.step(inner) == Steps{1, 1}) switch (nest.size(inner) * std::int64_t{sizeof(T)}) {
      case 16: return copy_all_runs<16 / sizeof(T)>(s, d, nest);
      case 32: return copy_all_runs<32 / sizeof(T)>(s, d, nest);
      case 64: return copy_all_runs<64 / sizeof(T)>(s, d, nest);
      case 128: return copy_all_runs<128 / sizeof(T)>(s, d, nest);
      default: break;
    }
  nest.rows(
      [&](const Steps& at, std::int64_t n, const Steps& step) { copy_row(s + at[0], step[0], d + at[1], step[1], n); });
}

template <class T>
void copy_values(const ConstTensorView& from, const TensorView& to, const Nest<2>& nest) {
  T row[kRow];
  nest.rows([&](const Steps& at, std::int64_t n, const Steps& step) {
    for (std::int64_t i = 0; i < n; i += kRow) {
      const std::int64_t m = std::min<std::int64_t>(kRow, n - i);
      load_row(from, at[0] + i * step[0], step[0], m, row);
      store_row(to, at[1] + i * step[1], step[1], m, row);
    }
  });
}

/// The two shapes cut into factors both have: [4, 6] and [2, 2, 6] give 2, 2, 6; [4, 6] and [6, 4] have none.
/// @return false when there is no such nest
bool common_loops(const Dims& a, const Dims& a_strides, const Dims& b, const Dims& b_strides, Nest<2>& nest) {
  int i = a.rank() - 1, j = b.rank() - 1;
  std::int64_t rest_a = 1, rest_b = 1, done_a = 1, done_b = 1;  // of the current dimensions: to walk, walked
  for (;;) {
    while (rest_a == 1 && i >= 0) rest_a = a[i--], done_a = 1;
    while (rest_b == 1 && j >= 0) rest_b = b[j--], done_b = 1;
    if (rest_a == 1 || rest_b == 1) return rest_a == rest_b;
    const std::int64_t part = std::min(rest_a, rest_b);
    if (rest_a % part != 0 || rest_b % part != 0) return false;
    nest.add(part, {a_strides[i + 1] * done_a, b_strides[j + 1] * done_b});
    rest_a /= part, rest_b /= part, done_a *= part, done_b *= part;
  }
}

TensorView dense(std::byte* data, DType type, const Dims& shape, Quant quant) {
  return {data, type, shape, dense_strides(shape), quant};
}

}  // namespace

void copy(const ConstTensorView& from, const TensorView& to, Nest<2> nest) {
  if (nest.empty()) return;
  nest.tidy();
  if (stored_alike(from.dtype, from.quant, to.dtype, to.quant)) {
    switch (size_of(from.dtype)) {
      case 1: return copy_stored<std::uint8_t>(from.data, to.data, nest);
      case 2: return copy_stored<std::uint16_t>(from.data, to.data, nest);
      case 4: return copy_stored<std::uint32_t>(from.data, to.data, nest);
      default: return copy_stored<std::uint64_t>(from.data, to.data, nest);
    }
  }
  const bool integers = is_plain_integer(from.dtype, from.quant) && is_plain_integer(to.dtype, to.quant);
  if (integers) return copy_values<std::int64_t>(from, to, nest);
  if (ByteTable::can_index(from.dtype))
    return ByteTable(from.dtype, from.quant, to.dtype, to.quant, [](double*, int) {}).run(from, to, nest);
  const auto fits_float = [](DType t) { return is_float(t) || size_of(t) == 1; };
  if (fits_float(from.dtype) && fits_float(to.dtype)) copy_values<float>(from, to, nest);
  else copy_values<double>(from, to, nest);
}

void copy(const ConstTensorView& from, const TensorView& to) {
  Nest<2> nest;
  const int rank = to.shape.rank();
  for (int i = 0; i < rank; ++i) nest.add(to.shape[i], {broadcast_stride(from, i, rank), to.strides[i]});
  copy(from, to, nest);
}

std::size_t reshape_scratch_bytes(const Dims& from, const Dims& to, DType type) {
  Nest<2> nest;
  if (from.elements() == 0 || common_loops(from, dense_strides(from), to, dense_strides(to), nest)) return 0;
  return static_cast<std::size_t>(from.elements()) * size_of(type);
}

void reshape(const ConstTensorView& from, const TensorView& to, std::span<std::byte> scratch) {
  Nest<2> nest;
  if (from.shape.elements() == 0) return;
  if (from.is_dense() && to.is_dense()) {
    nest.add(from.shape.elements(), {1, 1});
    return copy(from, to, nest);
  }
  if (common_loops(from.shape, from.strides, to.shape, to.strides, nest)) return copy(from, to, nest);
  // Through a dense copy, which may have either shape.
  const TensorView between = dense(scratch.data(), from.dtype, from.shape, from.quant);
  copy(from, between);
  copy(dense(scratch.data(), from.dtype, to.shape, from.quant), to);
}

void fill(const TensorView& to, double value) {
  alignas(8) std::byte element[8];
  TensorView one{element, to.dtype, {}, {}, to.quant};
  store_row(one, 0, 0, 1, &value);
  copy(ConstTensorView(one), to);
}

}  // namespace ez_rknn::npu::ops
