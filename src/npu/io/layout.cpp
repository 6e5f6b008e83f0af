#include "npu/io/layout.hpp"

#include <algorithm>
#include <string>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::io {
namespace {

/// Extents in memory: those of the shape, with strides for width and height where the rank has them.
struct Extents {
  std::int64_t n, c, h, w, row, rows;  // row: pixels from row to row; rows: rows from image to image
};

Extents extents_of(const Dims& shape, const Layout& l) {
  if (shape.rank() != 4)
    throw InvalidArgument("an image layout (NHWC, NC1HWC2 or strides) for a tensor of shape " + to_string(shape));
  Extents e{
      shape[0], shape[1], shape[2], shape[3], l.w_stride ? l.w_stride : shape[3], l.h_stride ? l.h_stride : shape[2]};
  if (e.row < e.w || e.rows < e.h)
    throw InvalidArgument("strides of " + std::to_string(e.row) + " pixels and " + std::to_string(e.rows) +
                          " rows are less than the size of " + to_string(shape));
  if (l.format == Format::nc1hwc2 && l.c2 < 1) throw InvalidArgument("NC1HWC2 with C2 = " + std::to_string(l.c2));
  return e;
}

bool is_plain(const Layout& l) { return l.format == Format::logical && l.w_stride == 0 && l.h_stride == 0; }

std::int64_t groups(const Extents& e, const Layout& l) { return (e.c + l.c2 - 1) / l.c2; }

/// Strides of the whole tensor, or of one group of channels in the case of nc1hwc2.
Dims strides_of(const Dims& shape, const Layout& l) {
  if (is_plain(l)) return dense_strides(shape);
  const Extents e = extents_of(shape, l);
  const std::int64_t plane = e.row * e.rows;
  switch (l.format) {
    case Format::nhwc: return {plane * e.c, 1, e.row * e.c, e.c};
    case Format::nc1hwc2: return {groups(e, l) * plane * l.c2, 1, e.row * l.c2, l.c2};
    case Format::logical: break;
  }
  return {plane * e.c, plane, e.row, 1};
}

/// Calls body(buffer's view, channels of the tensor it holds: first and number) for each part with constant strides.
template <class Byte, class F>
void for_each_part(Byte* data, const Dims& shape, const Layout& l, F&& body) {
  BasicTensorView<Byte> buffer{data, l.dtype, shape, strides_of(shape, l), l.quant};
  if (l.format != Format::nc1hwc2) return body(buffer, std::int64_t{0}, shape.rank() > 1 ? shape[1] : 1);
  const Extents e = extents_of(shape, l);
  for (std::int64_t first = 0; first < e.c; first += l.c2) {
    buffer.shape[1] = std::min<std::int64_t>(l.c2, e.c - first);
    body(buffer, first, buffer.shape[1]);
    buffer.data += static_cast<std::int64_t>(size_of(l.dtype)) * e.row * e.rows * l.c2;
  }
}

template <class View>
View channels_of(View view, std::int64_t first, std::int64_t count) {
  if (view.shape.rank() < 2) return view;
  view.data += first * view.strides[1] * static_cast<std::int64_t>(size_of(view.dtype));
  view.shape[1] = count;
  return view;
}

/// The part of a normalisation that concerns some channels. Groups of channels are kept in the tensor's own order.
file::Normalisation channels_of(const file::Normalisation& n, std::int64_t first, std::int64_t count) {
  const auto cut = [&](const std::vector<float>& v) {
    if (static_cast<std::int64_t>(v.size()) < first + count) return std::vector<float>{};
    return std::vector<float>(v.begin() + first, v.begin() + first + count);
  };
  return {cut(n.mean), cut(n.std), {}};
}

}  // namespace

std::uint64_t bytes_of(const Dims& shape, const Layout& l) {
  std::uint64_t bytes = size_of(l.dtype);
  const auto times = [&](std::int64_t n) {
    if (n < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(n), &bytes) || bytes >> 48)
      throw InvalidArgument("a buffer for shape " + to_string(shape) + " with strides " + std::to_string(l.w_stride) +
                            " and " + std::to_string(l.h_stride) + " is beyond 2^48 bytes");
  };
  if (is_plain(l)) {
    for (auto d : shape) times(d);
    return bytes;
  }
  const Extents e = extents_of(shape, l);
  times(e.n);
  times(e.row);
  times(e.rows);
  if (l.format == Format::nc1hwc2) times(groups(e, l)), times(l.c2);
  else times(e.c);
  return bytes;
}

void read_buffer(const std::byte* data, const Layout& l, const TensorView& tensor,
                 const file::Normalisation* normalisation, Team* team) {
  const int padding = padding_of(tensor);
  for_each_part(data, tensor.shape, l, [&](const ConstTensorView& buffer, std::int64_t first, std::int64_t count) {
    const bool last = tensor.shape.rank() < 2 || first + count == tensor.shape[1];
    const TensorView part = channels_of(tensor, first, count);
    if (l.format != Format::nc1hwc2 || !normalisation)
      return convert(buffer, part, last ? padding : 0, normalisation, team);
    const file::Normalisation own = channels_of(*normalisation, first, count);
    convert(buffer, part, last ? padding : 0, &own, team);
  });
}

void write_buffer(const ConstTensorView& tensor, std::byte* data, const Layout& l, Team* team) {
  for_each_part(data, tensor.shape, l, [&](const TensorView& buffer, std::int64_t first, std::int64_t count) {
    const int fill = l.format == Format::nc1hwc2 ? static_cast<int>(l.c2 - count) : 0;
    convert(channels_of(tensor, first, count), buffer, fill, nullptr, team);
  });
}

}  // namespace ez_rknn::npu::io
