#include "npurt/attributes.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "ez_rknn/error.hpp"
#include "npurt/guard.hpp"

namespace ez_rknn::npurt {
namespace {

const file::Tensor& find_tensor(const file::Graph& graph, Side side, std::uint32_t index) {
  const auto& ids = side == Side::input ? graph.inputs : graph.outputs;
  return graph.tensors.at(static_cast<std::size_t>(ids.at(index)));
}

std::uint32_t narrow(std::uint64_t n, const char* what) {
  if (n > UINT32_MAX) throw ModelError(std::string(what) + " of a tensor is " + std::to_string(n) + ", beyond 32 bits");
  return static_cast<std::uint32_t>(n);
}

}  // namespace

const char* name_of(Side side) { return side == Side::input ? "input" : "output"; }

Port::Port(const npu::Program& program, int graph, Side side, std::uint32_t index)
    : graph_(program.model().graphs.at(static_cast<std::size_t>(graph))),
      side_(side),
      index_(index),
      tensor_(find_tensor(graph_, side, index)),
      chip_(program.chip()),
      shape_(tensor_.shape) {
  if (shape_.rank() > 0) shape_[0] *= program.model().batch;
}

const file::Normalisation* Port::normalisation() const {
  if (side_ != Side::input || index_ >= graph_.normalisation.size()) return nullptr;
  return &graph_.normalisation[index_];
}

rknn_tensor_type Port::type() const { return type_of(tensor_.dtype); }

bool Port::is_packed_image() const {
  if (side_ != Side::input || shape_.rank() != 4 || tensor_.layout != file::Layout::feature) return false;
  return shape_[1] <= 4 && tensor_.native_shape.size() == 5 && tensor_.native_shape[4] == shape_[1];
}

int Port::c2() const {
  if (shape_.rank() != 4 || tensor_.layout != file::Layout::feature || is_packed_image()) return 0;
  if (tensor_.native_shape.size() == 5 && tensor_.native_shape[4] > 0) return tensor_.native_shape[4];
  return std::max(1, chip_.c2_bytes / static_cast<int>(size_of(tensor_.dtype)));
}

/// Rows of a packed image are padded; the file tells by the tensor's size.
std::uint32_t Port::packed_width() const {
  const auto width = static_cast<std::uint64_t>(shape_[3]);
  const std::uint64_t column =
      static_cast<std::uint64_t>(tensor_.shape[0] * shape_[1] * shape_[2]) * size_of(tensor_.dtype);
  const bool plausible =
      column > 0 && tensor_.size % column == 0 && tensor_.size / column >= width && tensor_.size / column < width + 64;
  return static_cast<std::uint32_t>(plausible ? tensor_.size / column : width);
}

rknn_tensor_attr Port::attribute(Form form) const {
  rknn_tensor_attr a{};
  a.index = index_;
  std::strncpy(a.name, tensor_.name.c_str(), sizeof a.name - 1);
  a.type = type();
  // Float tensors say AFFINE too, with scale 1 and zero point 0.
  a.qnt_type = RKNN_TENSOR_QNT_AFFINE_ASYMMETRIC;
  a.zp = tensor_.quant.zero_point;
  a.scale = tensor_.quant.scale;

  Dims dims = shape_;
  const bool image = shape_.rank() == 4;
  if (!image) {
    a.fmt = RKNN_TENSOR_UNDEFINED;
  } else if (form == Form::native && c2() > 0) {
    a.fmt = RKNN_TENSOR_NC1HWC2;
    dims = {shape_[0], (shape_[1] + c2() - 1) / c2(), shape_[2], shape_[3], c2()};
  } else if (form == Form::nhwc || side_ == Side::input) {
    a.fmt = RKNN_TENSOR_NHWC;
    dims = to_format(shape_, a.fmt);
  } else {
    a.fmt = RKNN_TENSOR_NCHW;
  }
  a.n_dims = static_cast<std::uint32_t>(dims.rank());
  std::uint64_t elements = 1;
  for (int i = 0; i < dims.rank(); ++i) {
    a.dims[i] = narrow(static_cast<std::uint64_t>(dims[i]), "a dimension");
    elements = narrow(elements * a.dims[i], "the number of elements");
  }
  a.n_elems = static_cast<std::uint32_t>(elements);
  a.size = narrow(elements * size_of(tensor_.dtype), "the size");
  a.size_with_stride = a.size;
  if (side_ == Side::input && image && a.fmt != RKNN_TENSOR_NCHW) {
    a.w_stride = is_packed_image() ? packed_width() : static_cast<std::uint32_t>(shape_[3]);
    if (shape_[3] > 0)
      a.size_with_stride =
          narrow(std::uint64_t{a.size} / a.dims[a.fmt == RKNN_TENSOR_NHWC ? 2 : 3] * a.w_stride, "the size");
  }
  return a;
}

std::uint32_t port_count(const npu::Program& program, Side side) {
  const auto& graph = program.model().graphs.front();
  return static_cast<std::uint32_t>(side == Side::input ? graph.inputs.size() : graph.outputs.size());
}

Port port_at(const npu::Program& program, int graph, Side side, std::uint32_t index) {
  const std::uint32_t count = port_count(program, side);
  if (index >= count)
    refuse(RKNN_ERR_PARAM_INVALID, std::string(name_of(side)) + " " + std::to_string(index) +
                                       " does not exist, the model has " + std::to_string(count));
  return Port(program, graph, side, index);
}

rknn_tensor_type type_of(DType type) {
  switch (type) {
    case DType::f32: return RKNN_TENSOR_FLOAT32;
    case DType::f16: return RKNN_TENSOR_FLOAT16;
    case DType::bf16: return RKNN_TENSOR_BFLOAT16;
    case DType::i8: return RKNN_TENSOR_INT8;
    case DType::u8: return RKNN_TENSOR_UINT8;
    case DType::i16: return RKNN_TENSOR_INT16;
    case DType::u16: return RKNN_TENSOR_UINT16;
    case DType::i32: return RKNN_TENSOR_INT32;
    case DType::u32: return RKNN_TENSOR_UINT32;
    case DType::i64:
    case DType::u64: return RKNN_TENSOR_INT64;  // the interface has no unsigned one
    case DType::boolean: return RKNN_TENSOR_BOOL;
    case DType::i4: return RKNN_TENSOR_INT4;
  }
  return RKNN_TENSOR_TYPE_MAX;
}

DType dtype_of(rknn_tensor_type type) {
  switch (type) {
    case RKNN_TENSOR_FLOAT32: return DType::f32;
    case RKNN_TENSOR_FLOAT16: return DType::f16;
    case RKNN_TENSOR_BFLOAT16: return DType::bf16;
    case RKNN_TENSOR_INT8: return DType::i8;
    case RKNN_TENSOR_UINT8: return DType::u8;
    case RKNN_TENSOR_INT16: return DType::i16;
    case RKNN_TENSOR_UINT16: return DType::u16;
    case RKNN_TENSOR_INT32: return DType::i32;
    case RKNN_TENSOR_UINT32: return DType::u32;
    case RKNN_TENSOR_INT64: return DType::i64;
    case RKNN_TENSOR_BOOL: return DType::boolean;
    default: break;
  }
  throw InvalidArgument("type " + std::to_string(static_cast<std::uint32_t>(type)) + " (" + get_type_string(type) +
                        ") is not accepted for a buffer");
}

Dims to_format(const Dims& s, rknn_tensor_format format) {
  return format == RKNN_TENSOR_NHWC && s.rank() == 4 ? Dims{s[0], s[2], s[3], s[1]} : s;
}

Dims from_format(const Dims& d, rknn_tensor_format format) {
  return format == RKNN_TENSOR_NHWC && d.rank() == 4 ? Dims{d[0], d[3], d[1], d[2]} : d;
}

}  // namespace ez_rknn::npurt
