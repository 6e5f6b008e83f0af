#include "session/executor.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "ez_rknn/error.hpp"
#include "session/convert.hpp"

namespace ez_rknn {
namespace {

bool print_times() {
  static const bool wanted = [] {
    const char* value = std::getenv("ZTU_EZRKNN_ASYNC_PRINT_PERF");
    const std::string_view text = value ? value : "";
    return text == "1" || text == "true" || text == "on" || text == "yes";
  }();
  return wanted;
}

double us(Clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

}  // namespace

Executor::Executor(std::shared_ptr<Context> context, const ModelInfo& model, std::shared_ptr<BufferPool> buffers,
                   std::shared_ptr<ContextSource> more)
    : context_(std::move(context)),
      model_(model),
      buffers_(std::move(buffers)),
      more_(std::move(more)),
      output_attrs_(model.output_attrs),
      inputs_(model.inputs.size()),
      outputs_(model.outputs.size()),
      input_scratch_(model.inputs.size()),
      output_scratch_(model.outputs.size()) {
  // The first request sets the shapes whatever they are: what a fresh context of a dynamic model holds is its own
  // choice.
  shape_set_ = model.shape_sets;
}

Phases Executor::execute(Request& request) noexcept {
  Phases phases;
  phases.start = Clock::now();
  try {
    if (request.bound) run_bound(*request.bound, phases);
    else run(request, phases);
  } catch (...) { request.error = std::current_exception(); }
  phases.done = Clock::now();
  for (auto* reached : {&phases.set, &phases.ran})
    if (*reached == Phases::Time{}) *reached = phases.done;
  if (print_times() && !request.error)
    std::fprintf(stderr, "ez_rknn: task %llu thread %d core %d set %.1f us run %.1f us get %.1f us total %.1f us\n",
                 static_cast<unsigned long long>(request.ticket), static_cast<int>(syscall(SYS_gettid)), core_,
                 us(phases.set - phases.start), us(phases.run()), us(phases.done - phases.ran),
                 us(phases.done - phases.start));
  return phases;
}

void Executor::run_bound(BoundCall& call, Phases& phases) {
  if (!bound_)
    bound_ = std::make_unique<BoundExecutor>(more_->another(*context_), model_, more_->zero_copy_layout(), buffers_);
  const auto took = bound_->run(call);
  phases.ran = Clock::now();
  phases.set = phases.ran - took;
  publish(call);
}

void Executor::run(Request& request, Phases& phases) {
  const std::lock_guard in_use(context_->mutex());  // values create and free memory of this context
  if (model_.shape_sets) select_shapes(request.shape_set);
  set_inputs(request.inputs);
  phases.set = Clock::now();
  context_->check("rknn_run", context_->api().run(context_->handle(), nullptr));
  phases.ran = Clock::now();
  if (perf_detail_) perf_detail_->ask(*context_);
  get_outputs(request);
}

void Executor::select_shapes(std::size_t set) {
  if (set == shape_set_) return;
  if (!context_->api().set_input_shapes)
    throw Unsupported("this runtime has no rknn_set_input_shapes, which a model with dynamic shapes needs");
  auto attrs = model_.shape_attrs.at(set);
  shape_set_ = model_.shape_sets;  // unknown, should the call fail half-way
  context_->check(
      "rknn_set_input_shapes",
      context_->api().set_input_shapes(context_->handle(), static_cast<std::uint32_t>(attrs.size()), attrs.data()));
  for (std::size_t i = 0; i < output_attrs_.size(); ++i) {
    rknn_tensor_attr attr{};
    attr.index = static_cast<std::uint32_t>(i);
    output_attrs_[i] = context_->query(RKNN_QUERY_CURRENT_OUTPUT_ATTR, attr) ? attr : model_.output_attrs[i];
  }
  shape_set_ = set;
}

Buffer& Executor::scratch(std::vector<Buffer>& buffers, std::size_t i, std::size_t bytes) {
  if (!buffers[i] || buffers[i].bytes < bytes) buffers[i] = buffers_->take(bytes);
  return buffers[i];
}

void Executor::set_inputs(std::span<const InputView> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    InputView in = inputs[i];
    const InputPlan& plan = model_.input_plans[i];
    const auto count = static_cast<std::size_t>(in.shape.elements());
    if (in.type == ElementType::float64) {
      const Buffer& converted = scratch(input_scratch_, i, count * sizeof(float) * (plan.reorder ? 2 : 1));
      float64_to_float32(static_cast<const double*>(in.data), reinterpret_cast<float*>(converted.data()), count);
      in.data = converted.data();
      in.type = ElementType::float32;
    }
    if (plan.reorder) {
      const std::size_t bytes = count * size_of(in.type);
      // Converted data lies in the first half of the same scratch.
      const Buffer& own = scratch(input_scratch_, i, bytes);
      std::byte* to = own.data() + (in.data == own.data() ? bytes : 0);
      const Shape& s = in.shape;
      nchw_to_nhwc(in.data, to, static_cast<std::size_t>(s[0]), static_cast<std::size_t>(s[1]),
                   static_cast<std::size_t>(s[2] * s[3]), size_of(in.type));
      in.data = to;
    }
    inputs_[i] = rknn_input{};
    inputs_[i].index = static_cast<std::uint32_t>(i);
    inputs_[i].buf = const_cast<void*>(in.data);  // the ABI's pointer is not const; a runtime only reads inputs
    inputs_[i].size = static_cast<std::uint32_t>(count * size_of(in.type));
    inputs_[i].type = rknn_type(in.type);
    inputs_[i].fmt = plan.send_format;
  }
  context_->check(
      "rknn_inputs_set",
      context_->api().inputs_set(context_->handle(), static_cast<std::uint32_t>(inputs_.size()), inputs_.data()));
}

void Executor::get_outputs(Request& request) {
  const std::size_t all = outputs_.size();
  const auto wanted = [&](std::size_t k) {
    return request.outputs.empty() ? k : static_cast<std::size_t>(request.outputs[k]);
  };
  for (std::size_t i = 0; i < all; ++i) {
    outputs_[i] = rknn_output{};
    outputs_[i].want_float = request.output_type == OutputType::float32;
    outputs_[i].is_prealloc = 1;
    outputs_[i].index = static_cast<std::uint32_t>(i);
    outputs_[i].size = static_cast<std::uint32_t>(output_bytes(output_attrs_[i], request.output_type));
  }
  for (std::size_t k = 0; k < request.results.size(); ++k) {
    rknn_output& out = outputs_[wanted(k)];
    const rknn_tensor_attr& attr = output_attrs_[out.index];
    Tensor& t = request.results[k];
    t.type = request.output_type == OutputType::float32 ? ElementType::float32 : element_type(attr.type);
    t.shape = shape_of(attr);
    if (!t.buffer) t.buffer = buffers_->take(out.size);
    if (!out.buf) out.buf = t.buffer.data();
  }
  for (std::size_t i = 0; i < all; ++i)  // the ABI hands out all outputs or none
    if (!outputs_[i].buf) outputs_[i].buf = scratch(output_scratch_, i, outputs_[i].size).data();

  const auto n = static_cast<std::uint32_t>(all);
  const int ret = context_->api().outputs_get(context_->handle(), n, outputs_.data(), nullptr);
  std::exception_ptr failure;
  try {
    context_->check("rknn_outputs_get", ret);
  } catch (...) {
    failure = std::current_exception();  // release first: its own result must not hide this one
  }
  context_->api().outputs_release(context_->handle(), n, outputs_.data());
  if (failure) std::rethrow_exception(failure);
  for (std::size_t k = 0; k < request.results.size(); ++k) {  // an output asked for twice
    const rknn_output& out = outputs_[wanted(k)];
    std::byte* own = request.results[k].buffer.data();
    if (own != out.buf) std::memcpy(own, out.buf, out.size);
  }
}

}  // namespace ez_rknn
