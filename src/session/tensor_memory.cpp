#include "session/tensor_memory.hpp"

#include <algorithm>
#include <cstring>

#include "session/convert.hpp"
#include "session/model_info.hpp"

namespace ez_rknn {
namespace {

/// Elements from one channel, row, pixel of an image to the next.
struct Steps {
  std::int64_t c, h, w;
  bool operator==(const Steps&) const = default;
};

template <class T>
void copy_row(const T* from, Steps f, T* to, Steps t, std::int64_t channels, std::int64_t width) {
  if (f.w == 1 && t.w == 1) {
    for (std::int64_t c = 0; c < channels; ++c)
      std::memcpy(to + c * t.c, from + c * f.c, static_cast<std::size_t>(width) * sizeof(T));
    return;
  }
  if (f.c == 1 && t.c == 1) {
    for (std::int64_t x = 0; x < width; ++x)
      std::memcpy(to + x * t.w, from + x * f.w, static_cast<std::size_t>(channels) * sizeof(T));
    return;
  }
  constexpr std::int64_t kTile = 32;  // both sides of a tile stay in the first-level cache
  for (std::int64_t x0 = 0; x0 < width; x0 += kTile) {
    const std::int64_t x1 = std::min(x0 + kTile, width);
    for (std::int64_t c0 = 0; c0 < channels; c0 += kTile) {
      const std::int64_t c1 = std::min(c0 + kTile, channels);
      for (std::int64_t x = x0; x < x1; ++x)
        for (std::int64_t c = c0; c < c1; ++c) to[c * t.c + x * t.w] = from[c * f.c + x * f.w];
    }
  }
}

struct Extent {
  std::int64_t channels, height, width;
};

template <class T>
void copy_image_of(const std::byte* from, Steps f, std::byte* to, Steps t, Extent e) {
  const T* a = reinterpret_cast<const T*>(from);
  T* b = reinterpret_cast<T*>(to);
  for (std::int64_t y = 0; y < e.height; ++y) copy_row(a + y * f.h, f, b + y * t.h, t, e.channels, e.width);
}

void copy_image(const std::byte* from, Steps f, std::byte* to, Steps t, Extent e, std::size_t element) {
  const auto pixels = static_cast<std::size_t>(e.height * e.width), channels = static_cast<std::size_t>(e.channels);
  const Steps planar{e.height * e.width, e.width, 1}, packed{1, e.width * e.channels, e.channels};
  if (f == t && (f == planar || f == packed)) {
    std::memcpy(to, from, pixels * channels * element);
    return;
  }
  if (f == planar && t == packed) return nchw_to_nhwc(from, to, 1, channels, pixels, element);
  if (f == packed && t == planar)
    return nchw_to_nhwc(from, to, 1, pixels, channels, element);  // the same transposition
  switch (element) {
    case 1: return copy_image_of<std::uint8_t>(from, f, to, t, e);
    case 2: return copy_image_of<std::uint16_t>(from, f, to, t, e);
    case 4: return copy_image_of<std::uint32_t>(from, f, to, t, e);
    default: return copy_image_of<std::uint64_t>(from, f, to, t, e);
  }
}

Steps steps_of(const TensorMemory& m) {
  switch (m.layout) {
    case TensorLayout::nhwc: return {1, m.row() * m.shape[1], m.shape[1]};
    case TensorLayout::nc1hwc2: return {1, m.row() * m.c2, m.c2};
    default: return {m.row() * m.rows(), m.row(), 1};
  }
}

Steps dense_steps(const Shape& nchw, TensorLayout order) {
  if (order == TensorLayout::nhwc) return {1, nchw[3] * nchw[1], nchw[1]};
  return {nchw[2] * nchw[3], nchw[3], 1};
}

bool is_image(const TensorMemory& m) { return m.layout != TensorLayout::plain && m.shape.rank() == 4; }

/// Calls copy(byte offset in the dense array, byte offset in the memory, its channels) for every image and group.
template <class F>
void for_each_image(const TensorMemory& m, Steps dense, F&& copy) {
  const auto size = static_cast<std::int64_t>(size_of(m.type));
  const std::int64_t channels = m.shape[1], group = m.c2 ? m.c2 : channels;
  const std::int64_t per_image = channels * m.shape[2] * m.shape[3], per_group = m.row() * m.rows() * group;
  for (std::int64_t n = 0; n < m.shape[0]; ++n)
    for (std::int64_t g = 0; g < m.groups(); ++g)
      copy((n * per_image + g * group * dense.c) * size, (n * m.groups() + g) * per_group * size,
           std::min(group, channels - g * group));
}

/// Zeroes the channels that fill up the last group of every pixel.
void clear_padding(const TensorMemory& m, std::byte* image, std::int64_t used) {
  const std::size_t size = size_of(m.type), unused = static_cast<std::size_t>(m.c2 - used) * size;
  for (std::int64_t y = 0; y < m.shape[2]; ++y)
    for (std::int64_t x = 0; x < m.shape[3]; ++x)
      std::memset(image + (static_cast<std::size_t>((y * m.row() + x) * m.c2 + used)) * size, 0, unused);
}

}  // namespace

std::size_t TensorMemory::bytes() const {
  const std::size_t size = size_of(type);
  if (layout == TensorLayout::plain || shape.rank() != 4) return static_cast<std::size_t>(shape.elements()) * size;
  const std::int64_t channels = layout == TensorLayout::nc1hwc2 ? groups() * c2 : shape[1];
  return static_cast<std::size_t>(shape[0] * channels * rows() * row()) * size;
}

bool TensorMemory::same_places(const TensorMemory& o) const {
  if (size_of(type) != size_of(o.type) || shape != o.shape) return false;
  if (!is_image(*this) || !is_image(o)) return layout == o.layout;
  if (row() != o.row() || (rows() != o.rows() && (shape[0] > 1 || layout == TensorLayout::nchw))) return false;
  if (layout == o.layout) return c2 == o.c2;
  return shape[1] == 1 && layout != TensorLayout::nc1hwc2 && o.layout != TensorLayout::nc1hwc2;
}

TensorMemory memory_of(const rknn_tensor_attr& attr, const rknn_tensor_attr& logical) {
  TensorMemory m;
  m.type = element_type(attr.type);
  const Shape dims = shape_of(attr);
  m.shape = dims;
  if (attr.fmt == RKNN_TENSOR_NC1HWC2 && dims.rank() == 5) {
    const Shape whole = shape_of(logical);
    const std::int64_t channels = whole.rank() != 4                 ? dims[1] * dims[4]
                                  : logical.fmt == RKNN_TENSOR_NHWC ? whole[3]
                                                                    : whole[1];
    m.layout = TensorLayout::nc1hwc2;
    m.c2 = dims[4];
    m.shape = {dims[0], channels, dims[2], dims[3]};
  } else if (dims.rank() == 4 && (attr.fmt == RKNN_TENSOR_NHWC || attr.fmt == RKNN_TENSOR_NCHW)) {
    m.layout = attr.fmt == RKNN_TENSOR_NHWC ? TensorLayout::nhwc : TensorLayout::nchw;
    m.shape = to_nchw(dims, m.layout);
  }
  if (m.layout == TensorLayout::nhwc || m.layout == TensorLayout::nc1hwc2) {
    m.w_stride = attr.w_stride;
    m.h_stride = attr.h_stride;
  }
  return m;
}

Shape to_nchw(const Shape& s, TensorLayout order) {
  return order == TensorLayout::nhwc && s.rank() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s;
}

Shape from_nchw(const Shape& s, TensorLayout order) {
  return order == TensorLayout::nhwc && s.rank() == 4 ? Shape{s[0], s[2], s[3], s[1]} : s;
}

std::optional<Shape> strides_of(const TensorMemory& m, TensorLayout order) {
  if (!is_image(m)) {
    Shape strides = m.shape;
    std::int64_t step = 1;
    for (std::size_t i = strides.rank(); i-- > 0;) strides[i] = step, step *= m.shape[i];
    return strides;
  }
  if (m.groups() > 1) return std::nullopt;
  const Steps s = steps_of(m);
  const std::int64_t image = m.row() * m.rows() * (m.c2 ? m.c2 : m.shape[1]);
  return from_nchw({image, s.c, s.h, s.w}, order);
}

void write_tensor(const void* dense, TensorLayout order, const TensorMemory& m, void* to) {
  const auto* from = static_cast<const std::byte*>(dense);
  auto* memory = static_cast<std::byte*>(to);
  if (!is_image(m)) {
    std::memcpy(memory, from, m.bytes());
    return;
  }
  const Steps d = dense_steps(m.shape, order == TensorLayout::plain ? m.layout : order), s = steps_of(m);
  for_each_image(m, d, [&](std::int64_t in_dense, std::int64_t in_memory, std::int64_t channels) {
    copy_image(from + in_dense, d, memory + in_memory, s, {channels, m.shape[2], m.shape[3]}, size_of(m.type));
    if (m.c2 > channels) clear_padding(m, memory + in_memory, channels);
  });
}

void read_tensor(const TensorMemory& m, const void* from, void* dense, TensorLayout order) {
  const auto* memory = static_cast<const std::byte*>(from);
  auto* to = static_cast<std::byte*>(dense);
  if (!is_image(m)) {
    std::memcpy(to, memory, m.bytes());
    return;
  }
  const Steps d = dense_steps(m.shape, order == TensorLayout::plain ? m.layout : order), s = steps_of(m);
  for_each_image(m, d, [&](std::int64_t in_dense, std::int64_t in_memory, std::int64_t channels) {
    copy_image(memory + in_memory, s, to + in_dense, d, {channels, m.shape[2], m.shape[3]}, size_of(m.type));
  });
}

}  // namespace ez_rknn
