#include "npu/task/tensor_layout.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/aligned.hpp"
#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::task {
namespace {

constexpr std::int64_t kPixelBytes = 16, kMostElements = std::int64_t{1} << 28;

template <class E>
double get(const std::byte* from) {
  E v;
  std::memcpy(&v, from, sizeof v);
  return static_cast<double>(v);
}
template <class E>
void put(std::byte* to, double v) {
  const auto e = static_cast<E>(v);
  std::memcpy(to, &e, sizeof e);
}
[[noreturn]] void refuse(const file::Tensor& t, const std::string& why) {
  throw InvalidArgument("tensor '" + t.name + "' " + to_string(t.shape) + ": " + why);
}

}  // namespace

std::int64_t TensorLayout::bytes() const {
  const std::int64_t surfaces = (channels + group - 1) / group;
  return (images - 1) * image_stride + (surfaces - 1) * surface_stride + (height - 1) * row_stride +
         (width - 1) * pixel_stride + std::max(pixel_stride, element_bytes());
}

double TensorLayout::load(const std::byte* from) const {
  switch (type) {
    case DType::i8: return get<std::int8_t>(from);
    case DType::i16: return get<std::int16_t>(from);
    case DType::i32: return get<std::int32_t>(from);
    case DType::i64: return get<std::int64_t>(from);
    case DType::f32: return get<float>(from);
    case DType::f16: {
      std::uint16_t h;
      std::memcpy(&h, from, sizeof h);
      return half_to_float(h);
    }
    default: return get<std::uint8_t>(from);
  }
}

void TensorLayout::store(std::byte* to, double v) const {
  switch (type) {
    case DType::i8: return put<std::int8_t>(to, v);
    case DType::i16: return put<std::int16_t>(to, v);
    case DType::i32: return put<std::int32_t>(to, v);
    case DType::i64: return put<std::int64_t>(to, v);
    case DType::f32: return put<float>(to, v);
    case DType::f16: {
      const std::uint16_t h = float_to_half(static_cast<float>(v));
      std::memcpy(to, &h, sizeof h);
      return;
    }
    default: return put<std::uint8_t>(to, v);
  }
}

TensorLayout layout_of(const file::Graph& graph, int tensor) {
  if (tensor < 0 || static_cast<std::size_t>(tensor) >= graph.tensors.size())
    throw InvalidArgument("tensor " + std::to_string(tensor) + " of " + std::to_string(graph.tensors.size()));
  const file::Tensor& t = graph.tensors[static_cast<std::size_t>(tensor)];
  if (t.kind != file::Kind::input && t.kind != file::Kind::output && t.kind != file::Kind::internal)
    refuse(t, "not an activation");
  TensorLayout l;
  l.type = t.dtype;
  if (t.dtype == DType::bf16 || t.dtype == DType::i4) refuse(t, std::string("of type ") + name_of(t.dtype));
  std::int64_t all = 1;
  for (const std::int64_t d : t.shape) {
    if (d < 1 || all > kMostElements / d) refuse(t, "a shape that cannot be");
    all *= d;
  }
  const auto& native = t.native_shape;
  const bool feature = t.layout == file::Layout::feature && native.size() == 5 && t.shape.rank() <= 4;
  if (!feature) {
    l.width = all;
    l.row_stride = l.surface_stride = l.image_stride = all * l.element_bytes();
    l.pixel_stride = l.element_bytes();
    return l;
  }
  for (const std::int32_t d : native)
    if (d < 1 || d > 1 << 24) refuse(t, "a native shape that cannot be");
  l.images = native[0];
  l.channels = t.shape.rank() > 1 ? t.shape[1] : 1;
  l.height = native[2];
  l.width = native[3];
  l.group = native[4];
  if (l.images * l.channels > all || l.images * l.channels * l.height * l.width != all)
    refuse(t, "its native shape holds another number of elements");
  l.pixel_stride = l.group * l.element_bytes();
  if (l.pixel_stride < kPixelBytes && native[1] == 1 && l.group <= 4) {  // interleaved, rows padded on graph inputs
    const std::int64_t fitting = std::int64_t{t.size} / l.images / l.height / l.pixel_stride;
    const std::int64_t pitch = t.kind == file::Kind::input ? std::max(l.width, fitting) : l.width;
    l.row_stride = pitch * l.pixel_stride;
    l.surface_stride = l.image_stride = l.height * l.row_stride;
    return l;
  }
  const std::int64_t area = l.height * l.width;
  l.row_stride = l.width * l.pixel_stride;
  l.surface_stride = (area > 1 ? round_up<std::int64_t>(area, 4) : 1) * l.pixel_stride;
  l.image_stride = (l.channels + l.group - 1) / l.group * l.surface_stride;
  return l;
}

}  // namespace ez_rknn::npu::task
