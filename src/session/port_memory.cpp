/// What memory a session's inputs and outputs can be bound to.
#include <algorithm>

#include "ez_rknn/error.hpp"
#include "session/value_state.hpp"

namespace ez_rknn {
namespace {

/// The NHWC layout among the port's own, or null.
const rknn_tensor_attr* nhwc_of(const PortInfo& port) {
  for (const rknn_tensor_attr& a : port.own)
    if (a.fmt == RKNN_TENSOR_NHWC && a.n_dims == 4) return &a;
  return nullptr;
}

rknn_tensor_format format_of(TensorLayout layout, rknn_tensor_format otherwise) {
  switch (layout) {
    case TensorLayout::nchw: return RKNN_TENSOR_NCHW;
    case TensorLayout::nhwc: return RKNN_TENSOR_NHWC;
    case TensorLayout::nc1hwc2: return RKNN_TENSOR_NC1HWC2;
    case TensorLayout::plain: break;
  }
  return otherwise;
}

}  // namespace

std::optional<Quantisation> quantisation_of(const TensorInfo& info) {
  if (!info.quantised) return std::nullopt;
  return Quantisation{info.scale, info.zero_point};
}

const char* name_of(IoKind kind) { return kind == IoKind::input ? "input" : "output"; }

std::size_t port_index(const ModelInfo& model, IoKind kind, const std::string& name) {
  const auto& ports = kind == IoKind::input ? model.inputs : model.outputs;
  std::string all;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
    all += (i ? ", \"" : "\"") + ports[i].name + "\"";
  }
  throw InvalidArgument(std::string(name_of(kind)) + " \"" + name + "\" does not exist; the model has: " + all);
}

void check_port_type(const ModelInfo& model, IoKind kind, std::size_t index, ElementType type) {
  const bool input = kind == IoKind::input;
  const TensorInfo& info = (input ? model.inputs : model.outputs)[index];
  if (type == info.native_type) return;
  const bool real = type != ElementType::int4 && type != ElementType::bfloat16;
  if (input ? real : type == ElementType::float32) return;
  throw InvalidType(std::string(name_of(kind)) + " \"" + info.name + "\": " + name_of(type) +
                    " given; accepted: " + name_of(info.native_type) + ", the model's own numbers, or " +
                    (input ? "real values of any type run() takes" : "float32, real values"));
}

TensorMemory real_memory(const PortInfo& port, bool input, ElementType type) {
  // Outputs of other types than their own come in the interface's order; inputs go in as pixels, in the rows of the
  // model's own layout.
  const rknn_tensor_attr* nhwc = input ? nhwc_of(port) : nullptr;
  TensorMemory m = memory_of(nhwc ? *nhwc : port.logical, port.logical);
  m.type = type;
  return m;
}

rknn_tensor_attr attribute_for(const PortInfo& port, const TensorMemory& memory) {
  const bool own = memory.type == element_type(port.logical.type);
  for (const rknn_tensor_attr& a : port.own)
    if (own && memory_of(a, port.logical).same_places(memory)) return a;
  rknn_tensor_attr attr = port.logical;
  attr.type = rknn_type(memory.type);
  attr.fmt = format_of(memory.layout, port.logical.fmt);
  attr.pass_through = 0;
  if (memory.layout != TensorLayout::plain) {
    const Shape dims = from_nchw(memory.shape, memory.layout);
    std::copy(dims.begin(), dims.end(), attr.dims);
  }
  attr.w_stride = memory.layout == TensorLayout::nhwc ? static_cast<std::uint32_t>(memory.row()) : 0;
  attr.h_stride = memory.layout == TensorLayout::nhwc ? static_cast<std::uint32_t>(memory.h_stride) : 0;
  attr.size = static_cast<std::uint32_t>(attr.n_elems * size_of(memory.type));
  attr.size_with_stride = static_cast<std::uint32_t>(memory.bytes());
  return attr;
}

}  // namespace ez_rknn
