#include "npurt/custom_node.hpp"

#include <cstring>

#include "ez_rknn/error.hpp"
#include "npu/io/layout.hpp"
#include "npurt/attributes.hpp"
#include "npurt/handles.hpp"

namespace ez_rknn::npurt {
namespace {

Handles<CustomAttributes>& all_attributes() {
  static auto* all = new Handles<CustomAttributes>;
  return *all;
}

}  // namespace

template <class T>
void CustomAttributes::add(const std::string& name, rknn_tensor_type type, std::span<const T> values) {
  auto bytes = std::make_unique<std::byte[]>(values.size_bytes() + 1);  // zeroed: text ends with a zero
  if (!values.empty()) std::memcpy(bytes.get(), values.data(), values.size_bytes());
  values_.insert_or_assign(name, Value{type, static_cast<std::uint32_t>(values.size()), std::move(bytes)});
}

CustomAttributes::CustomAttributes(const file::Node& node) {
  const auto text = [&](const std::string& name, const std::string& value) {
    add(name, RKNN_TENSOR_UINT8, std::span<const char>(value));
  };
  const auto integers = [&](const std::string& name, std::span<const std::int64_t> value) {
    add(name, RKNN_TENSOR_INT64, value);
  };
  const auto reals = [&](const std::string& name, std::span<const double> value) {
    const std::vector<float> single(value.begin(), value.end());
    add(name, RKNN_TENSOR_FLOAT32, std::span<const float>(single));
  };
  text("name", node.name);
  for (const auto& [name, value] : node.attributes.values) {
    if (const auto* i = std::get_if<std::int64_t>(&value)) integers(name, {i, 1});
    else if (const auto* d = std::get_if<double>(&value)) reals(name, {d, 1});
    else if (const auto* s = std::get_if<std::string>(&value)) text(name, *s);
    else if (const auto* is = std::get_if<std::vector<std::int64_t>>(&value)) integers(name, *is);
    else if (const auto* ds = std::get_if<std::vector<double>>(&value)) reals(name, *ds);
    else if (const auto* ss = std::get_if<std::vector<std::string>>(&value)) {
      std::string joined;  // the interface has no list of texts
      for (const auto& one : *ss) joined += (joined.empty() ? "" : ",") + one;
      text(name, joined);
    }
  }
}

rknn_custom_op_attr CustomAttributes::find(const char* name) const {
  rknn_custom_op_attr attr{};
  const auto it = values_.find(name);
  if (it == values_.end()) return attr;
  std::strncpy(attr.name, name, sizeof attr.name - 1);
  attr.dtype = it->second.type;
  attr.n_elems = it->second.elements;
  attr.data = it->second.bytes.get();
  return attr;
}

std::shared_ptr<CustomAttributes> attributes_of(rknn_custom_op_interal_context internal) {
  return all_attributes().find(internal);
}

CustomNode::CustomNode(const rknn_custom_op& op, const file::Node& node, std::span<const ConstTensorView> in,
                       std::span<const TensorView> out)
    : op_(op), node_(node), floats_(op.compute != nullptr) {
  context_.target = RKNN_TARGET_TYPE_CPU;
  context_.internal_ctx = all_attributes().add(std::make_shared<CustomAttributes>(node));
  for (std::uint32_t i = 0; i < in.size(); ++i) inputs_.push_back(tensor(i, in[i]));
  for (std::uint32_t i = 0; i < out.size(); ++i) outputs_.push_back(tensor(i, out[i]));
}

CustomNode::~CustomNode() {
  if (initialised_ && op_.destroy) op_.destroy(&context_);
  all_attributes().remove(context_.internal_ctx);
}

rknn_custom_op_tensor CustomNode::tensor(std::uint32_t index, const ConstTensorView& view) {
  rknn_custom_op_tensor t{};
  t.attr.index = index;
  t.mem.fd = -1;
  if (!view) return t;  // an operand that the node leaves out
  const DType type = floats_ ? DType::f32 : view.dtype;
  t.attr.n_dims = static_cast<std::uint32_t>(view.shape.rank());
  for (int i = 0; i < view.shape.rank(); ++i) t.attr.dims[i] = static_cast<std::uint32_t>(view.shape[i]);
  t.attr.n_elems = static_cast<std::uint32_t>(view.shape.elements());
  t.attr.size = t.attr.size_with_stride = t.attr.n_elems * static_cast<std::uint32_t>(size_of(type));
  t.attr.fmt = view.shape.rank() == 4 ? RKNN_TENSOR_NCHW : RKNN_TENSOR_UNDEFINED;
  t.attr.type = type_of(type);
  t.attr.qnt_type = RKNN_TENSOR_QNT_AFFINE_ASYMMETRIC;
  t.attr.zp = view.quant.zero_point;
  t.attr.scale = view.quant.scale;
  buffers_.push_back(std::make_unique<std::byte[]>(t.attr.size));
  t.mem.virt_addr = buffers_.back().get();
  t.mem.size = t.attr.size;
  t.mem.flags = RKNN_TENSOR_MEMORY_FLAGS_ALLOC_INSIDE;
  return t;
}

bool CustomNode::call(rknn_custom_op_callback callback, const char* which) {
  if (!callback) return false;
  const int code = callback(&context_, inputs_.data(), static_cast<std::uint32_t>(inputs_.size()), outputs_.data(),
                            static_cast<std::uint32_t>(outputs_.size()));
  if (code < 0 && code != RKNN_WARNING_SKIP_CUSTOM_OP_COMPUTE)
    throw DeviceError(code, "custom operator \"" + node_.type + "\" (node \"" + node_.name + "\"): " + which +
                                " returned " + std::to_string(code));
  return code == RKNN_WARNING_SKIP_CUSTOM_OP_COMPUTE;
}

void CustomNode::run(std::span<const ConstTensorView> in, std::span<const TensorView> out) {
  const auto layout = [this](const ConstTensorView& view) {
    if (floats_) return npu::io::Layout{};
    return npu::io::Layout{npu::io::Format::logical, view.dtype, view.quant};
  };
  if (!initialised_) call(op_.init, "init");
  initialised_ = true;
  for (std::size_t i = 0; i < in.size(); ++i)
    if (in[i]) npu::io::write_buffer(in[i], static_cast<std::byte*>(inputs_[i].mem.virt_addr), layout(in[i]));
  if (call(op_.prepare, "prepare")) return;
  if (floats_ ? call(op_.compute, "compute") : call(op_.compute_native, "compute_native")) return;
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i]) npu::io::read_buffer(static_cast<const std::byte*>(outputs_[i].mem.virt_addr), layout(out[i]), out[i]);
}

}  // namespace ez_rknn::npurt
