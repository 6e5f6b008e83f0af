// rknn_query.
#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "abi/extensions.h"
#include "core/log.hpp"
#include "npurt/context.hpp"
#include "npurt/guard.hpp"
#include "npurt/perf_table.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;

template <std::size_t N>
void copy_text(char (&to)[N], const std::string& from) {
  std::memset(to, 0, N);
  std::memcpy(to, from.data(), std::min(from.size(), N - 1));
}

std::uint32_t saturated(std::uint64_t n) { return static_cast<std::uint32_t>(std::min<std::uint64_t>(n, UINT32_MAX)); }

void in_out_num(ContextState& c, rknn_input_output_num& out) {
  out = {port_count(c.program(), Side::input), port_count(c.program(), Side::output)};
}

/// Without "current" the first graph's shape: that of a static model, the default of a dynamic one.
template <Side side, Form form, bool current>
void attribute(ContextState& c, rknn_tensor_attr& out) {
  out = port_at(c.program(), current ? c.context->graph() : 0, side, out.index).attribute(form);
}

void perf_detail(ContextState& c, rknn_perf_detail& out) {
  c.perf_text = perf_table(c.context->layer_times(), c.program(), c.context->graph());
  out = {c.perf_text.data(), c.perf_text.size()};
}

void perf_run(ContextState& c, rknn_perf_run& out) { out.run_duration = c.context->last_run_us(); }

void sdk_version(ContextState&, rknn_sdk_version& out) {
  // The number is that of the interface's behaviour; programs compare it with the version they need.
  copy_text(out.api_version, "2.4.1 (ez-rknn-async " EZ_RKNN_VERSION ")");
  copy_text(out.drv_version, "software NPU " EZ_RKNN_VERSION);
}

void mem_size(ContextState& c, rknn_mem_size& out) {
  const auto& model = c.program().model();
  const int g = c.context->graph();
  out = {};
  out.total_weight_size = saturated(model.weight_bytes ? model.weight_bytes : c.program().packed_weight_bytes());
  out.total_internal_size = saturated(model.graphs.at(static_cast<std::size_t>(g)).arena_bytes);
  out.total_dma_allocated_size = c.program().packed_weight_bytes() + c.program().arena_bytes(g);
}

void custom_string(ContextState& c, rknn_custom_string& out) {
  copy_text(out.string, c.program().model().custom_string);
}

/// The model's own memory. It is not one block here, so there is a size and no address.
void device_mem_info(ContextState& c, rknn_tensor_mem& out) {
  out = {};
  out.fd = -1;
  out.size = saturated(c.program().packed_weight_bytes());
  out.flags = RKNN_TENSOR_MEMORY_FLAGS_ALLOC_INSIDE;
}

void input_range(ContextState& c, rknn_input_range& out) {
  const npu::Program& program = c.program();
  const std::uint32_t index = out.index;
  const Port first = port_at(program, 0, Side::input, index);
  if (!program.model().dynamic)
    refuse(RKNN_ERR_MODEL_INVALID, "the model has one shape for each input, no range", log::Level::info);
  const rknn_tensor_attr attr = first.attribute(Form::interface);
  out = {};
  out.index = index;
  out.shape_number =
      std::min<std::uint32_t>(static_cast<std::uint32_t>(program.graph_count()), RKNN_MAX_DYNAMIC_SHAPE_NUM);
  out.fmt = attr.fmt;
  out.n_dims = attr.n_dims;
  std::memcpy(out.name, attr.name, sizeof out.name);
  for (std::uint32_t g = 0; g < out.shape_number; ++g) {
    const auto shape = port_at(program, static_cast<int>(g), Side::input, index).attribute(Form::interface);
    std::memcpy(out.dyn_range[g], shape.dims, sizeof out.dyn_range[g]);
  }
}

struct Query {
  rknn_query_cmd command;
  const char* name;
  std::size_t size;
  void (*answer)(ContextState&, void*);
};

/// Makes a Query of a function that fills one of the interface's structs.
template <auto answer>
struct Answer;
template <class Info, void (*answer)(ContextState&, Info&)>
struct Answer<answer> {
  static constexpr std::size_t kSize = sizeof(Info);
  static void fill(ContextState& c, void* info) {
    Info value;  // the caller's memory may have any alignment
    std::memcpy(static_cast<void*>(&value), info, sizeof value);
    answer(c, value);
    std::memcpy(info, static_cast<const void*>(&value), sizeof value);
  }
};
template <auto answer>
constexpr Query query(rknn_query_cmd command, const char* name) {
  return {command, name, Answer<answer>::kSize, Answer<answer>::fill};
}
#define QUERY(command, answer) query<answer>(command, #command)

using enum Side;
using enum Form;
constexpr Query kQueries[] = {
    QUERY(RKNN_QUERY_IN_OUT_NUM, in_out_num),
    QUERY(RKNN_QUERY_INPUT_ATTR, (attribute<input, interface, false>)),
    QUERY(RKNN_QUERY_OUTPUT_ATTR, (attribute<output, interface, false>)),
    QUERY(RKNN_QUERY_PERF_DETAIL, perf_detail),
    QUERY(RKNN_QUERY_PERF_RUN, perf_run),
    QUERY(RKNN_QUERY_SDK_VERSION, sdk_version),
    QUERY(RKNN_QUERY_MEM_SIZE, mem_size),
    QUERY(RKNN_QUERY_CUSTOM_STRING, custom_string),
    QUERY(RKNN_QUERY_NATIVE_INPUT_ATTR, (attribute<input, native, false>)),
    QUERY(RKNN_QUERY_NATIVE_OUTPUT_ATTR, (attribute<output, native, false>)),
    QUERY(RKNN_QUERY_NATIVE_NHWC_INPUT_ATTR, (attribute<input, nhwc, false>)),
    QUERY(RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR, (attribute<output, nhwc, false>)),
    QUERY(RKNN_QUERY_DEVICE_MEM_INFO, device_mem_info),
    QUERY(RKNN_QUERY_INPUT_DYNAMIC_RANGE, input_range),
    QUERY(RKNN_QUERY_CURRENT_INPUT_ATTR, (attribute<input, interface, true>)),
    QUERY(RKNN_QUERY_CURRENT_OUTPUT_ATTR, (attribute<output, interface, true>)),
    QUERY(RKNN_QUERY_CURRENT_NATIVE_INPUT_ATTR, (attribute<input, native, true>)),
    QUERY(RKNN_QUERY_CURRENT_NATIVE_OUTPUT_ATTR, (attribute<output, native, true>)),
};
#undef QUERY

int last_error_query(void* info, std::uint32_t size) {
  if (!info || size == 0) return RKNN_ERR_PARAM_INVALID;
  const std::string& text = last_error();
  const std::size_t n = std::min<std::size_t>(text.size(), size - 1);
  std::memcpy(info, text.data(), n);
  static_cast<char*>(info)[n] = '\0';
  return RKNN_SUCC;
}

int set_log_level(const void* info, std::uint32_t size) {
  std::int32_t level = 0;
  if (!info || size != sizeof level) return RKNN_ERR_PARAM_INVALID;
  std::memcpy(&level, info, sizeof level);
  if (level < static_cast<int>(log::Level::none) || level > static_cast<int>(log::Level::debug))
    return RKNN_ERR_PARAM_INVALID;
  log::set_threshold(static_cast<log::Level>(level));
  return RKNN_SUCC;
}

}  // namespace

extern "C" int rknn_query(rknn_context context, rknn_query_cmd cmd, void* info, uint32_t size) {
  if (static_cast<std::uint32_t>(cmd) == EZ_RKNN_QUERY_LAST_ERROR) return last_error_query(info, size);
  if (static_cast<std::uint32_t>(cmd) == EZ_RKNN_SET_LOG_LEVEL) return set_log_level(info, size);
  return guarded("rknn_query", [&] {
    const InUse c(context);
    const auto* q =
        std::find_if(std::begin(kQueries), std::end(kQueries), [&](const Query& x) { return x.command == cmd; });
    if (q == std::end(kQueries))
      refuse(RKNN_ERR_PARAM_INVALID, "command " + std::to_string(static_cast<std::uint32_t>(cmd)) + " is unknown");
    require_pointer(info, "the struct to fill");
    if (size < q->size)
      refuse(RKNN_ERR_PARAM_INVALID, std::string(q->name) + ": " + std::to_string(size) +
                                         " bytes are given, its struct has " + std::to_string(q->size));
    q->answer(*c, info);
  });
}
