#include "session/bound_executor.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ez_rknn/error.hpp"
#include "session/convert.hpp"

namespace ez_rknn {
namespace {

using Clock = std::chrono::steady_clock;

bool same_description(const rknn_tensor_attr& a, const rknn_tensor_attr& b) {
  return a.index == b.index && a.fmt == b.fmt && a.type == b.type && a.n_dims == b.n_dims &&
         std::memcmp(a.dims, b.dims, sizeof a.dims) == 0 && a.w_stride == b.w_stride && a.h_stride == b.h_stride &&
         a.pass_through == b.pass_through && a.size == b.size;
}

/// How the value's memory is to be read where it is bound: a value of no session is in the order of the port's arrays.
TensorMemory placed_for(const Value::State& v, TensorLayout order) {
  TensorMemory m = v.placed;
  if (v.order == TensorLayout::plain && m.layout == TensorLayout::plain && m.shape.rank() == 4 &&
      order != TensorLayout::plain) {
    m.layout = order;
    m.shape = to_nchw(m.shape, order);
  }
  return m;
}

TensorLayout order_of(const Value::State& v, TensorLayout port) {
  return v.order == TensorLayout::plain ? port : v.order;
}

/// Numbers of which nothing else is known are taken for the port's own.
bool quantisation_differs(const Value::State& v, const TensorInfo& info) {
  const auto own = quantisation_of(info);
  return own && v.quantisation && *v.quantisation != *own;
}

std::size_t dense_bytes(const TensorMemory& m) {
  return static_cast<std::size_t>(m.shape.elements()) * size_of(m.type);
}

}  // namespace

BoundExecutor::BoundExecutor(std::shared_ptr<Context> context, const ModelInfo& model, ZeroCopyLayout layout,
                             std::shared_ptr<BufferPool> buffers)
    : context_(std::move(context)),
      model_(model),
      layout_(layout),
      buffers_(std::move(buffers)),
      shape_set_(model.shape_sets),  // unknown: the first call sets the shapes
      imports_(context_, [this](const rknn_tensor_mem* m) { forget(m); }) {
  if (!context_->api().set_io_mem) throw Unsupported("this runtime has no rknn_set_io_mem, which bound runs need");
  for (std::size_t i = 0; i < model.inputs.size(); ++i)
    inputs_.push_back({true, model.input_ports[i], model.inputs[i].layout});
  for (std::size_t i = 0; i < model.outputs.size(); ++i)
    outputs_.push_back({false, model.output_ports[i], model.outputs[i].layout});
}

BoundExecutor::~BoundExecutor() {
  for (auto* ports : {&inputs_, &outputs_})
    for (Port& p : *ports)
      if (p.staging) context_->destroy_memory(p.staging);
}

std::chrono::nanoseconds BoundExecutor::run(BoundCall& call) {
  if (model_.shape_sets) select_shapes(call.shape_set);
  for (std::size_t i = 0; i < inputs_.size(); ++i) give_input(inputs_[i], model_.inputs[i], *call.inputs[i]);
  for (std::size_t i = 0; i < outputs_.size(); ++i) give_output(outputs_[i], model_.outputs[i], call.outputs[i]);
  imports_.purge();
  const auto start = Clock::now();
  context_->check("rknn_run", context_->api().run(context_->handle(), nullptr));
  const auto took = Clock::now() - start;
  for (std::size_t i = 0; i < outputs_.size(); ++i) take_output(outputs_[i], model_.outputs[i], call.outputs[i]);
  return took;
}

void BoundExecutor::select_shapes(std::size_t set) {
  if (set == shape_set_) return;
  if (!context_->api().set_input_shapes)
    throw Unsupported("this runtime has no rknn_set_input_shapes, which a model with dynamic shapes needs");
  auto attrs = model_.shape_attrs.at(set);
  shape_set_ = model_.shape_sets;  // unknown, should a call fail half-way
  context_->check(
      "rknn_set_input_shapes",
      context_->api().set_input_shapes(context_->handle(), static_cast<std::uint32_t>(attrs.size()), attrs.data()));
  for (auto* ports : {&inputs_, &outputs_})
    for (std::size_t i = 0; i < ports->size(); ++i) {
      Port& p = (*ports)[i];
      p.info = current_port(*context_, p.input, static_cast<std::uint32_t>(i), layout_);
      p.bound = nullptr;
    }
  shape_set_ = set;
}

void BoundExecutor::bind(Port& port, rknn_tensor_mem* memory, const rknn_tensor_attr& attr) {
  if (port.bound == memory && same_description(port.described, attr)) return;
  rknn_tensor_attr given = attr;  // the ABI's pointer is not const
  port.bound = nullptr;           // unknown, should the call fail
  context_->check("rknn_set_io_mem", context_->api().set_io_mem(context_->handle(), memory, &given));
  port.bound = memory;
  port.described = attr;
}

void BoundExecutor::forget(const rknn_tensor_mem* memory) {
  for (auto* ports : {&inputs_, &outputs_})
    for (Port& p : *ports)
      if (p.bound == memory) p.bound = nullptr;
}

/// Memory of this context for the port, in its hands already. What does not fit is replaced.
std::byte* BoundExecutor::stage(Port& port, const TensorMemory& memory) {
  port.staged = memory;
  port.is_staged = true;
  const rknn_tensor_attr attr = attribute_for(port.info, memory);
  const std::size_t bytes = std::max<std::size_t>(memory.bytes(), attr.size_with_stride);
  if (port.staging && port.staging->size < bytes) {
    forget(port.staging);
    context_->destroy_memory(std::exchange(port.staging, nullptr));
  }
  if (!port.staging) {
    port.staging = context_->create_memory(bytes, RKNN_FLAG_MEMORY_FLAGS_DEFAULT);
    std::memset(static_cast<std::byte*>(port.staging->virt_addr) + port.staging->offset, 0, bytes);
  }
  bind(port, port.staging, attr);
  return static_cast<std::byte*>(port.staging->virt_addr) + port.staging->offset;
}

rknn_tensor_mem* BoundExecutor::in_place(const Port& port, const TensorInfo& info, const Value::State& value) {
  if (!value.memory) return nullptr;
  const TensorMemory placed = placed_for(value, port.order);
  if (value.type == port.own_type()) {
    if (quantisation_differs(value, info)) return nullptr;
    bool fits = false;
    for (const rknn_tensor_attr& own : port.info.own)
      fits = fits || memory_of(own, port.info.logical).same_places(placed);
    if (!fits) return nullptr;
  } else if (!real_memory(port.info, port.input, value.type).same_places(placed)) {
    return nullptr;
  }
  return imports_.find(value.memory);
}

void BoundExecutor::give_input(Port& port, const TensorInfo& info, const Value::State& value) {
  if (rknn_tensor_mem* memory = in_place(port, info, value)) {
    port.is_staged = false;
    bind(port, memory, attribute_for(port.info, placed_for(value, port.order)));
    context_->sync_memory(memory, RKNN_MEMORY_SYNC_TO_DEVICE);
    return;
  }
  const bool own = value.type == port.own_type();
  const ElementType type = !own && value.type == ElementType::float64 ? ElementType::float32 : value.type;
  const TensorMemory target =
      own ? memory_of(port.info.own.front(), port.info.logical) : real_memory(port.info, true, type);
  const TensorLayout order = order_of(value, port.order);
  const void* dense = value.host;
  const auto count = static_cast<std::size_t>(value.shape.elements());
  const bool other_numbers = own && quantisation_differs(value, info);
  if (value.memory) {
    std::byte* copy = scratch(value.bytes());
    value.memory->sync(RKNN_MEMORY_SYNC_FROM_DEVICE);
    read_tensor(placed_for(value, port.order), value.memory->data(), copy, order);
    dense = copy;
  } else if (other_numbers) {
    dense = std::memcpy(scratch(value.bytes()), value.host, value.bytes());
  }
  if (other_numbers)
    requantise(const_cast<void*>(dense), type, count, *value.quantisation, *quantisation_of(info));  // our own copy
  std::byte* staging = stage(port, target);
  Buffer narrowed;
  if (type != value.type) {
    narrowed = buffers_->take(count * sizeof(float));
    float64_to_float32(static_cast<const double*>(dense), reinterpret_cast<float*>(narrowed.data()), count);
    dense = narrowed.data();
  }
  write_tensor(dense, order, target, staging);
  context_->sync_memory(port.staging, RKNN_MEMORY_SYNC_TO_DEVICE);
}

void BoundExecutor::give_output(Port& port, const TensorInfo& info, const BoundOutput& output) {
  if (output.value) {
    if (rknn_tensor_mem* memory = in_place(port, info, *output.value)) {
      port.is_staged = false;
      return bind(port, memory, attribute_for(port.info, placed_for(*output.value, port.order)));
    }
  }
  stage(port, output.type == port.own_type() ? memory_of(port.info.own.front(), port.info.logical)
                                             : real_memory(port.info, false, output.type));
}

void BoundExecutor::take_output(Port& port, const TensorInfo& info, BoundOutput& output) {
  if (!port.is_staged || !output.wanted) return;
  const auto* staging = static_cast<const std::byte*>(port.staging->virt_addr) + port.staging->offset;
  context_->sync_memory(port.staging, RKNN_MEMORY_SYNC_FROM_DEVICE);
  const std::size_t bytes = dense_bytes(port.staged);
  if (!output.value) {
    Tensor t{output.type, from_nchw(port.staged.shape, port.order), buffers_->take(bytes)};
    read_tensor(port.staged, staging, t.buffer.data(), port.order);
    const bool own = output.type == port.own_type();
    output.value = Value::from_tensor(t, own ? quantisation_of(info) : std::nullopt).state();
    output.value->order = port.order;
    return;
  }
  Value::State& value = *output.value;
  // Of a dynamic model the shape was not known when the value was bound.
  if (to_nchw(value.shape, order_of(value, port.order)) != port.staged.shape)
    throw InvalidArgument("output \"" + info.name + "\": the value bound to it has shape " + to_string(value.shape) +
                          ", the model gives " + to_string(from_nchw(port.staged.shape, port.order)));
  const TensorLayout order = order_of(value, port.order);
  std::byte* dense = value.memory ? scratch(bytes) : static_cast<std::byte*>(value.host);
  read_tensor(port.staged, staging, dense, order);
  if (output.type == port.own_type() && quantisation_differs(value, info))
    requantise(dense, output.type, bytes / size_of(output.type), *quantisation_of(info), *value.quantisation);
  if (!value.memory) return;
  write_tensor(dense, order, placed_for(value, port.order), value.memory->data());
  value.memory->sync(RKNN_MEMORY_SYNC_TO_DEVICE);
}

std::byte* BoundExecutor::scratch(std::size_t bytes) {
  if (scratch_.bytes < bytes || !scratch_) scratch_ = buffers_->take(bytes);
  return scratch_.data();
}

}  // namespace ez_rknn
