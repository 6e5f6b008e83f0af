#include <algorithm>

#include "ez_rknn/error.hpp"
#include "session/bound_call.hpp"
#include "session/call_check.hpp"
#include "session/engine.hpp"

namespace ez_rknn {
namespace {

/// The value's shape in another order of dimensions.
Shape shape_in(const Value::State& v, TensorLayout order) {
  if (v.order == TensorLayout::plain || order == TensorLayout::plain) return v.shape;
  return from_nchw(to_nchw(v.shape, v.order), order);
}

/// What check_inputs() looks at. Own numbers pass as a type it accepts.
InputView as_view(const Value::State& v, const TensorInfo& info) {
  const bool own = v.type == info.native_type;
  return {v.data(), own ? ElementType::float32 : v.type, shape_in(v, info.layout)};
}

bool accepts_shape(const TensorInfo& info, const Shape& shape) {
  return shape == info.shape ||
         std::find(info.dynamic_shapes.begin(), info.dynamic_shapes.end(), shape) != info.dynamic_shapes.end();
}

[[noreturn]] void refuse_shape(const char* kind, const TensorInfo& info, const Shape& given) {
  throw InvalidArgument(std::string(kind) + " \"" + info.name + "\": shape " + to_string(given) + " given, " +
                        to_string(info.shape) + " accepted");
}

}  // namespace

IoBinding::State::State(std::shared_ptr<Engine> e)
    : engine(std::move(e)), inputs(engine->model().inputs.size()), outputs(engine->model().outputs.size()) {}

IoBinding::IoBinding(const Session& session) : state_(std::make_shared<State>(SessionAccess::engine(session))) {}

void IoBinding::bind_input(const std::string& name, Value value) {
  const ModelInfo& model = state_->engine->model();
  const std::size_t i = port_index(model, IoKind::input, name);
  check_port_type(model, IoKind::input, i, value.type());
  const Shape given = shape_in(*value.state(), model.inputs[i].layout);
  if (!accepts_shape(model.inputs[i], given)) refuse_shape("input", model.inputs[i], value.shape());
  std::lock_guard lock(state_->mutex);
  state_->inputs[i] = value.state();
}

void IoBinding::bind_output(const std::string& name, Value value) {
  const ModelInfo& model = state_->engine->model();
  const std::size_t i = port_index(model, IoKind::output, name);
  check_port_type(model, IoKind::output, i, value.type());
  const Shape given = shape_in(*value.state(), model.outputs[i].layout);
  if (!model.shape_sets && given != model.outputs[i].shape) refuse_shape("output", model.outputs[i], value.shape());
  if (value.read_only()) throw InvalidArgument("output \"" + name + "\": the value is read-only");
  std::lock_guard lock(state_->mutex);
  if (!state_->outputs[i].wanted) state_->order.push_back(i);
  state_->outputs[i] = {value.state(), value.type(), true};
}

void IoBinding::bind_output(const std::string& name, Device device, std::optional<ElementType> type) {
  const ModelInfo& model = state_->engine->model();
  const std::size_t i = port_index(model, IoKind::output, name);
  const ElementType t = type.value_or(model.outputs[i].native_type);
  check_port_type(model, IoKind::output, i, t);
  if (device == Device::npu) {
    PortOptions options;
    options.type = t;
    return bind_output(name, value_for_port(*state_->engine, IoKind::output, name, options));
  }
  std::lock_guard lock(state_->mutex);
  if (!state_->outputs[i].wanted) state_->order.push_back(i);
  state_->outputs[i] = {nullptr, t, true};
}

void IoBinding::clear_inputs() {
  std::lock_guard lock(state_->mutex);
  state_->inputs.assign(state_->inputs.size(), nullptr);
}

void IoBinding::clear_outputs() {
  std::lock_guard lock(state_->mutex);
  state_->outputs.assign(state_->outputs.size(), {});
  state_->order.clear();
  state_->results.clear();
}

std::vector<Value> IoBinding::outputs() const {
  std::lock_guard lock(state_->mutex);
  return state_->results;
}

std::vector<std::string> IoBinding::output_names() const {
  std::lock_guard lock(state_->mutex);
  std::vector<std::string> names;
  for (std::size_t i : state_->order) names.push_back(state_->engine->model().outputs[i].name);
  return names;
}

void IoBinding::sync_inputs() const {
  std::vector<ValueState> values;
  {
    std::lock_guard lock(state_->mutex);
    values = state_->inputs;
  }
  for (const ValueState& v : values)
    if (v) Value(v).sync_to_device();
}

void IoBinding::sync_outputs() const {
  for (const Value& v : outputs()) v.sync_from_device();
}

std::vector<Value> BoundCall::results() const {
  std::vector<Value> values;
  for (std::size_t i : order) values.emplace_back(outputs[i].value);
  return values;
}

std::shared_ptr<BoundCall> make_call(const std::shared_ptr<IoBinding::State>& binding, const Engine& engine) {
  if (binding->engine.get() != &engine) throw InvalidArgument("the binding belongs to another session");
  const ModelInfo& model = engine.model();
  auto call = std::make_shared<BoundCall>();
  call->binding = binding;
  {
    std::lock_guard lock(binding->mutex);
    call->inputs = binding->inputs;
    call->outputs = binding->outputs;
    call->order = binding->order;
    call->number = ++binding->runs;
  }
  std::vector<InputView> views;
  for (std::size_t i = 0; i < call->inputs.size(); ++i) {
    if (!call->inputs[i]) throw InvalidArgument("input \"" + model.inputs[i].name + "\" is not bound");
    views.push_back(as_view(*call->inputs[i], model.inputs[i]));
  }
  call->shape_set = check_inputs(model, views);
  for (std::size_t i = 0; i < call->outputs.size(); ++i) {
    if (!call->outputs[i].wanted) call->outputs[i].type = model.outputs[i].native_type;
  }
  return call;
}

void publish(const BoundCall& call) {
  const auto binding = call.binding.lock();
  if (!binding) return;
  std::vector<Value> results = call.results();
  std::lock_guard lock(binding->mutex);
  if (call.number <= binding->last_published) return;
  binding->last_published = call.number;
  std::swap(binding->results, results);  // the old ones are let go of without the lock
}

}  // namespace ez_rknn
