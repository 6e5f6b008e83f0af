// Running with copies: rknn_inputs_set, rknn_run, rknn_wait, rknn_outputs_get, rknn_outputs_release.
#include <algorithm>
#include <span>
#include <vector>

#include "npurt/context.hpp"
#include "npurt/guard.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;
using npu::io::Format;
using npu::io::Layout;

std::string label(Side side, std::uint32_t index) { return std::string(name_of(side)) + " " + std::to_string(index); }

/// A 4-D input is NHWC unless it says NCHW; other ranks have one order only.
Format format_of(const rknn_input& in, const Port& port) {
  if (port.shape().rank() != 4) return Format::logical;
  switch (in.fmt) {
    case RKNN_TENSOR_NCHW: return Format::logical;
    case RKNN_TENSOR_NHWC:
    case RKNN_TENSOR_UNDEFINED: return Format::nhwc;
    default: break;
  }
  refuse(RKNN_ERR_PARAM_INVALID, label(Side::input, in.index) + ": format " + get_format_string(in.fmt) + " (" +
                                     std::to_string(static_cast<std::uint32_t>(in.fmt)) +
                                     ") is not accepted here; NHWC, NCHW or UNDEFINED are");
}

struct CheckedInput {
  const rknn_input* given;
  Layout layout;
  const file::Normalisation* normalisation;
};

CheckedInput check(const ContextState& c, const rknn_input& in) {
  const Port port = c.port(Side::input, in.index);
  require_pointer(in.buf, ("the buffer of " + label(Side::input, in.index)).c_str());
  const auto elements = static_cast<std::uint64_t>(port.shape().elements());
  // The size is measured with the caller's type even where the bytes pass through, as programs expect.
  std::uint64_t bytes = elements * size_of(dtype_of(in.type));
  const file::Tensor& tensor = port.tensor();
  CheckedInput checked{&in, {}, nullptr};
  if (in.pass_through) {
    checked.layout = {port.shape().rank() == 4 ? Format::nhwc : Format::logical, tensor.dtype, tensor.quant};
    bytes = std::max<std::uint64_t>(bytes, elements * size_of(tensor.dtype));
  } else {
    // Numbers are real values, whatever their type: they are normalised, then quantised.
    checked.layout = {format_of(in, port), dtype_of(in.type)};
    checked.normalisation = port.normalisation();
  }
  if (in.size < bytes)
    refuse(RKNN_ERR_PARAM_INVALID, label(Side::input, in.index) + " \"" + tensor.name +
                                       "\": " + std::to_string(in.size) + " bytes are given; shape " +
                                       to_string(to_format(port.shape(), RKNN_TENSOR_NHWC)) + " of " +
                                       get_type_string(in.type) + " takes " + std::to_string(bytes));
  return checked;
}

void read_bound_inputs(ContextState& c) {
  for (std::uint32_t i = 0; i < c.bound_inputs.size(); ++i) {
    const auto& b = c.bound_inputs[i];
    if (!b) continue;
    npu::io::read_buffer(b->memory->data(), b->layout, c.context->input(static_cast<int>(i)),
                         b->own_numbers ? nullptr : c.port(Side::input, i).normalisation());
  }
}

void write_bound_outputs(ContextState& c) {
  for (std::size_t i = 0; i < c.bound_outputs.size(); ++i)
    if (const auto& b = c.bound_outputs[i])
      npu::io::write_buffer(c.context->output(static_cast<int>(i)), b->memory->data(), b->layout);
}

void run_locked(ContextState& c) {
  struct Running {
    bool& flag;
    explicit Running(bool& f) : flag(f) { flag = true; }
    ~Running() { flag = false; }
  };
  const Running running(c.running);
  if (c.dump) c.dump->begin();
  c.context->run(c.core_mask);
  if (c.dump) c.dump->write();
}

/// Programs written for older versions leave every index 0 and mean "in order".
bool means_in_order(std::span<const rknn_output> outputs, std::size_t count) {
  return count > 1 && outputs.size() == count &&
         std::all_of(outputs.begin(), outputs.end(), [](const rknn_output& o) { return o.index == 0; });
}

struct CheckedOutput {
  rknn_output* given;
  Layout layout;
  std::uint64_t bytes;
};

CheckedOutput check(const ContextState& c, rknn_output& out) {
  const Port port = c.port(Side::output, out.index);
  const file::Tensor& tensor = port.tensor();
  CheckedOutput checked{&out, {}, 0};
  if (!out.want_float) checked.layout = {Format::logical, tensor.dtype, tensor.quant};
  checked.bytes = npu::io::bytes_of(port.shape(), checked.layout);
  if (!out.is_prealloc) return checked;
  require_pointer(out.buf, ("the buffer of " + label(Side::output, out.index)).c_str());
  if (out.size < checked.bytes)
    refuse(RKNN_ERR_PARAM_INVALID, label(Side::output, out.index) + " \"" + tensor.name + "\" takes " +
                                       std::to_string(checked.bytes) + " bytes, the buffer has " +
                                       std::to_string(out.size));
  return checked;
}

}  // namespace

extern "C" {

int rknn_inputs_set(rknn_context context, uint32_t n_inputs, rknn_input inputs[]) {
  return guarded("rknn_inputs_set", [&] {
    const InUse c(context);
    require_pointer(inputs, "the list of inputs");
    if (n_inputs == 0 || n_inputs > c->input_set.size())
      refuse(RKNN_ERR_PARAM_INVALID,
             std::to_string(n_inputs) + " inputs are given, the model has " + std::to_string(c->input_set.size()));
    std::vector<CheckedInput> checked;  // all of them before the first is changed
    for (std::uint32_t i = 0; i < n_inputs; ++i) checked.push_back(check(*c, inputs[i]));
    for (const CheckedInput& in : checked) {
      npu::io::read_buffer(static_cast<const std::byte*>(in.given->buf), in.layout,
                           c->context->input(static_cast<int>(in.given->index)), in.normalisation);
      c->input_set[in.given->index] = true;
      c->bound_inputs[in.given->index].reset();  // what was said last counts
    }
  });
}

int rknn_run(rknn_context context, rknn_run_extend* extend) {
  return guarded("rknn_run", [&] {
    const InUse c(context);
    for (std::uint32_t i = 0; i < c->input_set.size(); ++i)
      if (!c->input_set[i] && !c->bound_inputs[i])
        refuse(RKNN_ERR_INPUT_INVALID,
               label(Side::input, i) + " \"" + c->port(Side::input, i).tensor().name + "\" has not been set");
    c->outputs_valid = false;
    read_bound_inputs(*c);
    run_locked(*c);
    write_bound_outputs(*c);
    c->outputs_valid = true;
    ++c->runs;
    if (extend) extend->frame_id = c->runs;
  });
}

int rknn_wait(rknn_context context, rknn_run_extend* extend) {
  return guarded("rknn_wait", [&] {
    // A run, also one asked not to block, has ended when rknn_run returns.
    const InUse c(context);
    if (c->runs == 0) refuse(RKNN_ERR_FAIL, "nothing has been run");
    if (extend) extend->frame_id = c->runs;
  });
}

int rknn_outputs_get(rknn_context context, uint32_t n_outputs, rknn_output outputs[], rknn_output_extend* extend) {
  return guarded("rknn_outputs_get", [&] {
    const InUse c(context);
    require_pointer(outputs, "the list of outputs");
    const std::span<rknn_output> given(outputs, n_outputs);
    const std::size_t count = c->bound_outputs.size();
    if (n_outputs == 0 || n_outputs > count)
      refuse(RKNN_ERR_PARAM_INVALID,
             std::to_string(n_outputs) + " outputs are asked for, the model has " + std::to_string(count));
    if (!c->outputs_valid) refuse(RKNN_ERR_OUTPUT_INVALID, "there are no outputs: nothing has been run");
    if (means_in_order(given, count))
      for (std::uint32_t i = 0; i < n_outputs; ++i) given[i].index = i;

    std::vector<CheckedOutput> checked;
    for (rknn_output& out : given) checked.push_back(check(*c, out));
    std::vector<std::unique_ptr<std::byte[]>> made;
    for (const CheckedOutput& out : checked)
      made.push_back(out.given->is_prealloc ? nullptr : std::make_unique_for_overwrite<std::byte[]>(out.bytes));
    for (std::size_t i = 0; i < checked.size(); ++i) {
      rknn_output& out = *checked[i].given;
      std::byte* to = made[i] ? made[i].get() : static_cast<std::byte*>(out.buf);
      npu::io::write_buffer(c->context->output(static_cast<int>(out.index)), to, checked[i].layout);
      if (!made[i]) continue;
      out.buf = to;
      out.size = static_cast<std::uint32_t>(checked[i].bytes);
      c->given_out.emplace(to, std::move(made[i]));
    }
    if (extend) extend->frame_id = c->runs;
  });
}

int rknn_outputs_release(rknn_context context, uint32_t n_outputs, rknn_output outputs[]) {
  return guarded("rknn_outputs_release", [&] {
    const InUse c(context);
    if (n_outputs > 0) require_pointer(outputs, "the list of outputs");
    // Buffers of the caller's, and those of a rknn_outputs_get that failed, are not ours: nothing to release.
    for (rknn_output& out : std::span(outputs, n_outputs))
      if (!out.is_prealloc && c->given_out.erase(out.buf)) out.buf = nullptr;
  });
}

}  // extern "C"
