/// A librknnrt that does what a script says (script.hpp), and aborts when it is used wrongly: a context used by two
/// threads at once, used after rknn_destroy, or asked for too small a buffer.
#include <algorithm>
#include <chrono>
#include <thread>

#include "abi/extensions.h"
#include "elements.hpp"
#include "state.hpp"

namespace {

using namespace fake;

rknn_context add(Script script) {
  std::lock_guard lock(state().mutex);
  auto context = std::make_shared<FakeContext>();
  context->script = std::move(script);
  state().contexts[state().next] = std::move(context);
  return state().next++;
}

enum class Form { interface, nhwc, native };

/// As the NPU holds a 4-D tensor: channels last, perhaps with padded rows, or in groups of c2 channels.
void set_form(rknn_tensor_attr& a, const Script& s, Form form, bool input) {
  if (form == Form::interface || a.n_dims != 4 || a.fmt == RKNN_TENSOR_UNDEFINED) return;
  const std::vector<std::uint32_t> d(a.dims, a.dims + 4);
  const bool nhwc = a.fmt == RKNN_TENSOR_NHWC;
  const std::uint32_t n = d[0], c = nhwc ? d[3] : d[1], h = nhwc ? d[1] : d[2], w = nhwc ? d[2] : d[3];
  std::vector<std::uint32_t> dims{n, h, w, c};
  a.fmt = RKNN_TENSOR_NHWC;
  if (form == Form::native && s.c2) {
    const auto c2 = static_cast<std::uint32_t>(s.c2);
    dims = {n, (c + c2 - 1) / c2, h, w, c2};
    a.fmt = RKNN_TENSOR_NC1HWC2;
  } else if (input) {
    a.w_stride = w + static_cast<std::uint32_t>(s.row_padding);
  }
  a.n_dims = static_cast<std::uint32_t>(dims.size());
  std::copy(dims.begin(), dims.end(), a.dims);
  const std::uint32_t bytes = a.size / a.n_elems;
  a.n_elems = elements_of(dims);
  a.size = a.n_elems * bytes;
  a.size_with_stride = a.w_stride ? a.size / w * a.w_stride : a.size;
}

int describe(const FakeContext& c, bool input, Form form, void* info) {
  const std::vector<TensorSpec>& tensors = input ? c.script.inputs : c.script.outputs;
  auto& a = *static_cast<rknn_tensor_attr*>(info);
  if (a.index >= tensors.size()) return RKNN_ERR_PARAM_INVALID;
  const TensorSpec& t = tensors[a.index];
  const std::uint32_t index = a.index;
  a = {};
  a.index = index;
  a.n_dims = static_cast<std::uint32_t>(t.dims.size());
  std::copy(t.dims.begin(), t.dims.end(), a.dims);
  std::snprintf(a.name, sizeof a.name, "%s", t.name.c_str());
  a.n_elems = elements_of(t.dims);
  a.size = static_cast<std::uint32_t>(a.n_elems * fake::bytes_of(t.type));
  a.fmt = static_cast<rknn_tensor_format>(t.format);
  a.type = static_cast<rknn_tensor_type>(t.type);
  a.qnt_type = is_quantised(t.type) ? RKNN_TENSOR_QNT_AFFINE_ASYMMETRIC : RKNN_TENSOR_QNT_NONE;
  a.scale = c.script.scale;
  a.zp = c.script.zp;
  a.size_with_stride = a.size;
  set_form(a, c.script, form, input);
  return RKNN_SUCC;
}

int dynamic_range(const FakeContext& c, void* info) {
  auto& range = *static_cast<rknn_input_range*>(info);
  if (c.script.dynamic.empty() || range.index != 0) return RKNN_ERR_MODEL_INVALID;
  range.shape_number = static_cast<std::uint32_t>(c.script.dynamic.size());
  range.fmt = static_cast<rknn_tensor_format>(c.script.inputs[0].format);
  range.n_dims = static_cast<std::uint32_t>(c.script.dynamic[0].size());
  for (std::size_t k = 0; k < c.script.dynamic.size(); ++k)
    std::copy(c.script.dynamic[k].begin(), c.script.dynamic[k].end(), range.dyn_range[k]);
  return RKNN_SUCC;
}

void sleep_for(const FakeContext& c) {
  std::int64_t us = c.script.delay_us;
  if (c.script.delay_by_value && !c.input.empty() && c.input[0] > 0) us += static_cast<std::int64_t>(c.input[0]);
  if (c.script.jitter_us) {
    std::lock_guard lock(state().mutex);
    us += static_cast<std::int64_t>(state().random() % static_cast<unsigned>(c.script.jitter_us));
  }
  if (us) std::this_thread::sleep_for(std::chrono::microseconds(us));
}

/// Until the test lets go.
void hold() {
  std::unique_lock lock(state().mutex);
  state().release.wait(lock, [] { return state().released; });
}

void keep(FakeContext& c, std::uint32_t i, const rknn_input& in) {
  c.raw.resize(c.script.inputs.size());
  const auto* bytes = static_cast<const std::byte*>(in.buf);
  c.raw[i].assign(bytes, bytes + in.size);
}

void give_back(const FakeContext& c, const rknn_output& out, std::size_t size) {
  auto* to = static_cast<std::byte*>(out.buf);
  for (const auto& from = c.raw.at(0); size > 0;) {
    const std::size_t part = std::min(size, from.size());
    std::copy_n(from.data(), part, to);
    to += part, size -= part;
  }
}

std::atomic<const void*> last_input{nullptr};

}  // namespace

/// Where input 0 of the last rknn_inputs_set lay.
FAKE_EXPORT const void* fake_rknnrt_last_input() { return last_input; }

FAKE_EXPORT void fake_rknnrt_script(const char* text) {
  fake::parse(text);  // aborts here, where the test is, rather than at rknn_init
  std::lock_guard lock(state().mutex);
  state().script = text;
  state().calls.clear();
  state().trace.clear();
  state().released = false;
}
/// Lets go of what the script holds.
FAKE_EXPORT void fake_rknnrt_release() {
  std::lock_guard lock(state().mutex);
  state().released = true;
  state().release.notify_all();
}
FAKE_EXPORT int fake_rknnrt_live_contexts() {
  std::lock_guard lock(state().mutex);
  return static_cast<int>(state().contexts.size());
}
FAKE_EXPORT int fake_rknnrt_live_memory() {
  std::lock_guard lock(state().mutex);
  return static_cast<int>(state().memory.size());
}
FAKE_EXPORT int fake_rknnrt_calls(const char* function) {
  std::lock_guard lock(state().mutex);
  return state().calls[function];
}
/// "init query set_core_mask:1 ..." since the script was set; valid until the next call from the same thread.
FAKE_EXPORT const char* fake_rknnrt_trace() {
  thread_local std::string copy;
  std::lock_guard lock(state().mutex);
  copy = state().trace;
  return copy.c_str();
}

FAKE_EXPORT int rknn_init(rknn_context* context, void*, uint32_t size, uint32_t flag, rknn_init_extend* extend) {
  Script script;
  {
    std::lock_guard lock(state().mutex);
    script = fake::parse(state().script);
  }
  if (size == 0) misuse("a path instead of a model");
  if ((flag & RKNN_FLAG_SHARE_WEIGHT_MEM) && (!extend || !extend->ctx)) misuse("weights to share, but whose?");
  if (int ret = enter("init", script, flag)) return ret;
  if (script.hold_init) hold();
  std::this_thread::sleep_for(std::chrono::microseconds(script.init_us));
  *context = add(std::move(script));
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_dup_context(rknn_context* in, rknn_context* out) {
  Use use(*in);
  if (int ret = enter("dup_context", use->script)) return ret;
  if (!use->script.dup) return RKNN_ERR_FAIL;
  *out = add(use->script);
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_destroy(rknn_context handle) {
  Use use(handle);
  enter("destroy", use->script);
  std::lock_guard lock(state().mutex);
  for (const auto& [memory, context] : state().memory)
    if (context == handle) misuse("a context destroyed before its memory");
  state().contexts.erase(handle);
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_query(rknn_context handle, rknn_query_cmd cmd, void* info, uint32_t size) {
  if (static_cast<unsigned>(cmd) == EZ_RKNN_QUERY_LAST_ERROR) {
    std::lock_guard lock(state().mutex);
    if (!fake::parse(state().script).software) return RKNN_ERR_PARAM_INVALID;
    std::snprintf(static_cast<char*>(info), size, "the fake runtime's own words");
    return RKNN_SUCC;
  }
  Use use(handle);
  if (int ret = enter("query", use->script)) return ret;
  const FakeContext& c = *use.context;
  switch (cmd) {
    case RKNN_QUERY_IN_OUT_NUM:
      *static_cast<rknn_input_output_num*>(info) = {static_cast<std::uint32_t>(c.script.inputs.size()),
                                                    static_cast<std::uint32_t>(c.script.outputs.size())};
      return RKNN_SUCC;
    case RKNN_QUERY_INPUT_ATTR:
    case RKNN_QUERY_CURRENT_INPUT_ATTR: return describe(c, true, Form::interface, info);
    case RKNN_QUERY_NATIVE_INPUT_ATTR:
    case RKNN_QUERY_CURRENT_NATIVE_INPUT_ATTR: return describe(c, true, Form::native, info);
    case RKNN_QUERY_NATIVE_NHWC_INPUT_ATTR: return describe(c, true, Form::nhwc, info);
    case RKNN_QUERY_OUTPUT_ATTR:
    case RKNN_QUERY_CURRENT_OUTPUT_ATTR: return describe(c, false, Form::interface, info);
    case RKNN_QUERY_NATIVE_OUTPUT_ATTR:
    case RKNN_QUERY_CURRENT_NATIVE_OUTPUT_ATTR: return describe(c, false, Form::native, info);
    case RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR: return describe(c, false, Form::nhwc, info);
    case RKNN_QUERY_INPUT_DYNAMIC_RANGE: return dynamic_range(c, info);
    case RKNN_QUERY_SDK_VERSION: {
      auto& v = *static_cast<rknn_sdk_version*>(info);
      std::snprintf(v.api_version, sizeof v.api_version, "%s", c.script.api.c_str());
      std::snprintf(v.drv_version, sizeof v.drv_version, "%s", c.script.driver.c_str());
      return RKNN_SUCC;
    }
    case RKNN_QUERY_CUSTOM_STRING: {
      auto& s = *static_cast<rknn_custom_string*>(info);
      std::snprintf(s.string, sizeof s.string, "%s", c.script.custom.c_str());
      return RKNN_SUCC;
    }
    default: return RKNN_ERR_PARAM_INVALID;
  }
}

FAKE_EXPORT int rknn_set_core_mask(rknn_context handle, rknn_core_mask mask) {
  Use use(handle);
  if (int ret = enter("set_core_mask", use->script, mask)) return ret;
  const int cores = use->script.cores;
  if (cores == 1) return RKNN_ERR_TARGET_PLATFORM_UNMATCH;
  if (mask != RKNN_NPU_CORE_ALL && (static_cast<std::uint32_t>(mask) >> cores)) return RKNN_ERR_PARAM_INVALID;
  use->mask = mask;
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_set_input_shapes(rknn_context handle, uint32_t n, rknn_tensor_attr attrs[]) {
  Use use(handle);
  if (int ret = enter("set_input_shapes", use->script)) return ret;
  Script& s = use->script;
  if (n != s.inputs.size() || attrs[0].fmt != static_cast<rknn_tensor_format>(s.inputs[0].format)) return RKNN_ERR_FAIL;
  const std::vector<std::uint32_t> dims(attrs[0].dims, attrs[0].dims + attrs[0].n_dims);
  for (const auto& allowed : s.dynamic)
    if (allowed == dims) {
      s.inputs[0].dims = dims;
      for (auto& o : s.outputs) o.dims = {1, elements_of(dims)};
      return RKNN_SUCC;
    }
  return RKNN_ERR_FAIL;
}

FAKE_EXPORT int rknn_inputs_set(rknn_context handle, uint32_t n, rknn_input inputs[]) {
  Use use(handle);
  if (int ret = enter("inputs_set", use->script)) return ret;
  if (!use->io.empty()) misuse("one context with both rknn_set_io_mem and rknn_inputs_set");
  use->copied = true;
  if (n != use->script.inputs.size()) return RKNN_ERR_PARAM_INVALID;
  last_input = inputs[0].buf;
  for (std::uint32_t i = 0; i < n; ++i) {
    const TensorSpec& t = use->script.inputs[i];
    if (inputs[i].size != elements_of(t.dims) * fake::bytes_of(static_cast<int>(inputs[i].type)))
      return RKNN_ERR_PARAM_INVALID;
    if (use->script.copy) keep(*use.context, i, inputs[i]);
    if (i || use->script.copy) continue;
    const bool permute = t.dims.size() == 4 && t.format == RKNN_TENSOR_NHWC && inputs[i].fmt == RKNN_TENSOR_NCHW;
    use->input.resize(elements_of(t.dims));
    for (std::size_t k = 0; k < use->input.size(); ++k)
      use->input[k] = fake::read(inputs[i].buf, permute ? fake::nhwc_to_nchw_index(k, t.dims) : k,
                                 static_cast<int>(inputs[i].type));
  }
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_run(rknn_context handle, rknn_run_extend*) {
  Use use(handle);
  if (int ret = enter("run", use->script)) return ret;
  if (use->script.lost_code && use->mask == use->script.lost_core) return use->script.lost_code;
  read_io_memory(*use.context);
  if (use->script.hold_run && (use->input.empty() ? 0 : use->input[0]) > use->script.hold_above) hold();
  sleep_for(*use.context);
  if (use->script.fail_negative && !use->input.empty() && use->input[0] < 0) return use->script.fail_negative;
  write_io_memory(*use.context);
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_outputs_get(rknn_context handle, uint32_t n, rknn_output outputs[], rknn_output_extend*) {
  Use use(handle);
  if (int ret = enter("outputs_get", use->script)) return ret;
  const Script& s = use->script;
  if (n != s.outputs.size()) return RKNN_ERR_PARAM_INVALID;
  for (std::uint32_t i = 0; i < n; ++i) {
    const TensorSpec& t = s.outputs[outputs[i].index];
    const std::size_t count = elements_of(t.dims);
    const int type = outputs[i].want_float ? static_cast<int>(RKNN_TENSOR_FLOAT32) : t.type;
    if (!outputs[i].is_prealloc || !outputs[i].buf || outputs[i].size < count * fake::bytes_of(type))
      misuse("an output buffer that is missing or too small");
    if (s.copy) {
      give_back(*use.context, outputs[i], count * fake::bytes_of(type));
      continue;
    }
    for (std::size_t k = 0; k < count; ++k) {
      double v = result(*use.context, k);
      if (!outputs[i].want_float && is_quantised(t.type)) v = v / s.scale + s.zp;
      fake::write(outputs[i].buf, k, type, v);
    }
  }
  return RKNN_SUCC;
}

FAKE_EXPORT int rknn_outputs_release(rknn_context handle, uint32_t, rknn_output*) {
  Use use(handle);
  enter("outputs_release", use->script);
  return RKNN_SUCC;
}
