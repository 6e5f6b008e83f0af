#include "ez_rknn/value.hpp"

#include <cstring>
#include <new>

#include "core/aligned.hpp"
#include "ez_rknn/error.hpp"
#include "session/convert.hpp"
#include "session/engine.hpp"
#include "session/value_state.hpp"

namespace ez_rknn {
namespace {

/// Whether dimensions, or rows in memory, are such that no later sum or product of them overflows.
bool is_sane(const Shape& shape, ElementType type) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 48;
  std::uint64_t bytes = size_of(type);
  for (std::int64_t d : shape)
    if (d < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(d), &bytes) || bytes > kMost) return false;
  return true;
}

void check_shape(const Shape& shape, ElementType type) {
  if (!is_sane(shape, type))
    throw InvalidArgument("shape " + to_string(shape) + ": dimensions are 0 or more, a tensor has up to 2^48 bytes");
}

std::shared_ptr<Value::State> host_state(void* data, ElementType type, const Shape& shape,
                                         std::shared_ptr<void> owner) {
  auto s = std::make_shared<Value::State>();
  s->type = type;
  s->shape = shape;
  s->host = data;
  s->owner = std::move(owner);
  return s;
}

TensorMemory dense_memory(ElementType type, const Shape& shape) {
  TensorMemory m;
  m.type = type;
  m.shape = shape;
  return m;
}

/// `form` on a tensor whose shape is in `order`. @throws InvalidArgument
void apply_form(TensorMemory& m, const MemoryForm& form, const Shape& shape, TensorLayout order) {
  const bool strides = form.w_stride || form.h_stride;
  if (strides && (form.order != MemoryForm::Order::nhwc || shape.rank() != 4))
    throw InvalidArgument("w_stride and h_stride are for 4-D tensors in NHWC order");
  if (form.order == MemoryForm::Order::native || shape.rank() != 4) return;
  m.c2 = m.w_stride = m.h_stride = 0;
  m.shape = to_nchw(shape, order);
  m.layout = order == TensorLayout::plain ? TensorLayout::nchw : order;
  if (form.order == MemoryForm::Order::dense) return;
  m.layout = TensorLayout::nhwc;
  m.w_stride = form.w_stride;
  m.h_stride = form.h_stride;
  if (m.row() < m.shape[3] || m.rows() < m.shape[2])
    throw InvalidArgument("w_stride " + std::to_string(m.w_stride) + ", h_stride " + std::to_string(m.h_stride) +
                          ": less than the image of shape " + to_string(shape));
  if (!is_sane({m.shape[0], m.shape[1], m.rows(), m.row()}, m.type))
    throw InvalidArgument("w_stride " + std::to_string(m.w_stride) + ", h_stride " + std::to_string(m.h_stride) +
                          " given; accepted: what makes up to 2^48 bytes");
}

std::shared_ptr<Value::State> port_state(const ModelInfo& model, IoKind kind, const std::string& name,
                                         const PortOptions& options) {
  const std::size_t index = port_index(model, kind, name);
  const bool input = kind == IoKind::input;
  const TensorInfo& info = (input ? model.inputs : model.outputs)[index];
  const PortInfo& port = (input ? model.input_ports : model.output_ports)[index];
  const ElementType type = options.type.value_or(info.native_type);
  check_port_type(model, kind, index, type);
  auto s = std::make_shared<Value::State>();
  s->type = type;
  s->shape = info.shape;
  s->order = info.layout;
  const bool own = type == info.native_type;
  s->placed = own ? memory_of(port.own.front(), port.logical) : real_memory(port, input, type);
  s->pass_through = own && port.own.front().pass_through;
  if (own) s->quantisation = quantisation_of(info);
  if (options.shape && *options.shape != info.shape) {
    bool known = model.shape_sets > 0 && !input;  // an output's shape follows from the inputs': checked at the run
    for (const Shape& one : info.dynamic_shapes) known = known || one == *options.shape;
    if (!known)
      throw InvalidArgument(std::string(name_of(kind)) + " \"" + name + "\": shape " + to_string(*options.shape) +
                            " given, " + to_string(info.shape) + " accepted");
    check_shape(*options.shape, type);
    s->shape = *options.shape;
    s->pass_through = false;
    s->placed = dense_memory(type, s->shape);
    if (s->shape.rank() == 4 && s->order != TensorLayout::plain) {
      s->placed.layout = input ? TensorLayout::nhwc : s->order;
      s->placed.shape = to_nchw(s->shape, s->order);
    }
  }
  if (options.form.order != MemoryForm::Order::native) s->pass_through = false;
  apply_form(s->placed, options.form, s->shape, s->order);
  return s;
}

Value on_memory(std::shared_ptr<Value::State> s, std::shared_ptr<DeviceMemory> memory) {
  const std::size_t needed = s->placed.bytes();
  if (memory->bytes() < needed)
    throw InvalidArgument("the memory has " + std::to_string(memory->bytes()) + " bytes, a tensor of shape " +
                          to_string(s->shape) + " and type " + name_of(s->type) + " takes " + std::to_string(needed) +
                          " in its layout");
  if (memory->offset() % size_of(s->type))
    throw InvalidArgument("offset " + std::to_string(memory->offset()) + " is no multiple of the element's " +
                          std::to_string(size_of(s->type)) + " bytes");
  s->memory = std::move(memory);
  return Value(std::move(s));
}

}  // namespace

const char* name_of(Device device) { return device == Device::cpu ? "cpu" : "rknpu2"; }

Value Value::allocate(ElementType type, const Shape& shape) {
  check_shape(shape, type);
  const auto bytes = static_cast<std::size_t>(shape.elements()) * size_of(type);
  auto memory = std::make_shared<AlignedBuffer>(bytes ? bytes : 1);
  return Value(host_state(memory->data(), type, shape, memory));
}

Value Value::borrow(void* data, ElementType type, const Shape& shape, std::shared_ptr<void> owner) {
  check_shape(shape, type);
  if (!data && shape.elements()) throw InvalidArgument("a value at address 0");
  return Value(host_state(data, type, shape, std::move(owner)));
}

Value Value::borrow(const void* data, ElementType type, const Shape& shape, std::shared_ptr<void> owner) {
  Value value = borrow(const_cast<void*>(data), type, shape, std::move(owner));  // nothing writes to it
  value.state_->read_only = true;
  return value;
}

Value Value::from_tensor(const Tensor& tensor, std::optional<Quantisation> quantisation) {
  auto s = host_state(tensor.buffer.data(), tensor.type, tensor.shape, tensor.buffer.memory);
  s->quantisation = quantisation;
  return Value(std::move(s));
}

Value value_for_port(Engine& engine, IoKind kind, const std::string& name, const PortOptions& options) {
  auto s = port_state(engine.model(), kind, name, options);
  const std::size_t bytes = s->placed.bytes();
  return on_memory(std::move(s), DeviceMemory::allocate(bytes, options.flags, engine.open_context()));
}

Value Value::for_port(const Session& session, IoKind kind, const std::string& name, const PortOptions& options) {
  return value_for_port(*SessionAccess::engine(session), kind, name, options);
}

Value Value::for_port(const Session& session, IoKind kind, const std::string& name, const ForeignMemory& memory,
                      const PortOptions& options) {
  return on_memory(port_state(SessionAccess::engine(session)->model(), kind, name, options),
                   DeviceMemory::import(memory));
}

Value Value::on_device(ElementType type, const Shape& shape, MemoryFlags flags) {
  check_shape(shape, type);
  auto s = host_state(nullptr, type, shape, nullptr);
  s->placed = dense_memory(type, shape);
  const std::size_t bytes = s->placed.bytes();
  return on_memory(std::move(s), DeviceMemory::allocate(bytes, flags, nullptr));
}

Value Value::from_fd(ElementType type, const Shape& shape, const ForeignMemory& memory, const MemoryForm& form) {
  check_shape(shape, type);
  auto s = host_state(nullptr, type, shape, nullptr);
  s->placed = dense_memory(type, shape);
  if (form.order == MemoryForm::Order::nhwc) s->order = TensorLayout::nchw;  // else the order could mean nothing
  apply_form(s->placed, form, shape, s->order);
  return on_memory(std::move(s), DeviceMemory::import(memory));
}

Value::State& Value::get() const {
  if (!state_) throw InvalidArgument("the value is empty");
  return *state_;
}

ElementType Value::type() const { return get().type; }
const Shape& Value::shape() const { return get().shape; }
Device Value::device() const { return get().memory ? Device::npu : Device::cpu; }
std::size_t Value::bytes() const { return get().bytes(); }
void* Value::data() const { return get().data(); }
bool Value::read_only() const { return get().read_only; }
std::optional<Quantisation> Value::quantisation() const { return get().quantisation; }

ValueMemory Value::memory() const {
  const State& s = get();
  ValueMemory info;
  info.device = device();
  info.tensor_bytes = info.strided_bytes = info.bytes = s.bytes();
  info.address = s.data();
  info.layout = s.order;
  TensorMemory placed = dense_memory(s.type, s.shape);
  if (s.memory) {
    placed = s.placed;
    info.address = s.memory->base();
    info.bytes = s.memory->bytes();
    info.offset = s.memory->offset();
    info.fd = s.memory->fd();
    info.is_dmabuf = s.memory->is_dmabuf();
    info.imports = s.memory->imports;
    info.strided_bytes = placed.bytes();
    info.layout = placed.layout;
    info.w_stride = placed.w_stride;
    info.h_stride = placed.h_stride;
    info.pass_through = s.pass_through;
  }
  if (const auto strides = strides_of(placed, s.order)) info.strides = *strides;
  return info;
}

void Value::write(const InputView& from) {
  const State& s = get();
  if (s.read_only) throw InvalidArgument("the value is read-only");
  if (from.type != s.type || from.shape != s.shape)
    throw InvalidArgument("shape " + to_string(from.shape) + " and type " + name_of(from.type) + " given, " +
                          to_string(s.shape) + " and " + name_of(s.type) + " accepted");
  if (!s.memory) {
    if (s.bytes()) std::memmove(s.host, from.data, s.bytes());
    return;
  }
  write_tensor(from.data, s.order, s.placed, s.memory->data());
  sync_to_device();
}

void Value::write(const Value& from) {
  const State& f = from.get();
  if (state_ == from.state_) return;
  if (!f.memory) return write({f.host, f.type, f.shape});
  const Tensor dense = from.read();
  write({dense.buffer.data(), dense.type, dense.shape});
}

Tensor Value::read() const {
  const State& s = get();
  Tensor t{s.type, s.shape, {}};
  auto memory = std::make_shared<AlignedBuffer>(s.bytes() ? s.bytes() : 1);
  t.buffer = {std::shared_ptr<std::byte>(memory, memory->data()), s.bytes()};
  read_into(t.buffer.data());
  return t;
}

void Value::read_into(void* to) const {
  const State& s = get();
  if (!s.memory) {
    if (s.bytes()) std::memcpy(to, s.host, s.bytes());
    return;
  }
  sync_from_device();
  read_tensor(s.placed, s.memory->data(), to, s.order);
}

void Value::sync_to_device() const {
  if (const State& s = get(); s.memory) s.memory->sync(RKNN_MEMORY_SYNC_TO_DEVICE);
}
void Value::sync_from_device() const {
  if (const State& s = get(); s.memory) s.memory->sync(RKNN_MEMORY_SYNC_FROM_DEVICE);
}

}  // namespace ez_rknn
