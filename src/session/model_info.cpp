#include "session/model_info.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "ez_rknn/error.hpp"

namespace ez_rknn {
namespace {

constexpr std::uint32_t kMostTensors = 4096;

std::string text_of(const char* s, std::size_t capacity) { return {s, strnlen(s, capacity)}; }

constexpr Shape swapped(const Shape& s, bool to_nchw) {
  return to_nchw ? Shape{s[0], s[3], s[1], s[2]} : Shape{s[0], s[2], s[3], s[1]};
}

TensorLayout layout_of(const rknn_tensor_attr& a) {
  if (a.fmt == RKNN_TENSOR_NC1HWC2) return TensorLayout::nc1hwc2;
  if (a.n_dims != 4) return TensorLayout::plain;
  return a.fmt == RKNN_TENSOR_NHWC   ? TensorLayout::nhwc
         : a.fmt == RKNN_TENSOR_NCHW ? TensorLayout::nchw
                                     : TensorLayout::plain;
}

bool is_integer(ElementType t) { return t >= ElementType::int8 && t <= ElementType::int4; }

TensorInfo describe(const rknn_tensor_attr& a, const std::string& fallback_name) {
  TensorInfo t;
  t.name = text_of(a.name, sizeof a.name);
  if (t.name.empty()) t.name = fallback_name;
  t.shape = shape_of(a);
  t.type = t.native_type = element_type(a.type);
  t.layout = layout_of(a);
  t.quantised =
      a.qnt_type != RKNN_TENSOR_QNT_NONE && is_integer(t.native_type) && t.native_type != ElementType::boolean;
  if (t.quantised && a.qnt_type == RKNN_TENSOR_QNT_DFP) t.scale = std::ldexp(1.0f, -a.fl);
  else if (t.quantised) t.scale = a.scale, t.zero_point = a.zp;
  return t;
}

/// The order of a 4-D input in the caller's arrays, and what is done about it. An input whose format the runtime does
/// not state is never permuted: its dimensions are not an image's.
InputPlan plan_input(const rknn_tensor_attr& attr, Layout layout) {
  InputPlan p;
  p.attr = attr;
  if (attr.n_dims != 4) return p;
  p.send_format = attr.fmt;
  if (attr.fmt == RKNN_TENSOR_NHWC && (layout == Layout::nchw || layout == Layout::nchw_software)) {
    p.caller_nchw = true;
    p.reorder = layout == Layout::nchw_software;
    if (!p.reorder) p.send_format = RKNN_TENSOR_NCHW;
  } else if (attr.fmt == RKNN_TENSOR_NCHW && layout == Layout::nhwc) {
    p.send_format = RKNN_TENSOR_NHWC;
  }
  return p;
}

void apply_order(TensorInfo& t, const InputPlan& p) {
  const auto permute = [&](Shape& s) {
    if (p.caller_nchw) s = swapped(s, true);
    else if (p.attr.fmt == RKNN_TENSOR_NCHW && p.send_format == RKNN_TENSOR_NHWC) s = swapped(s, false);
  };
  if (t.shape.rank() != 4) return;
  permute(t.shape);
  for (Shape& s : t.dynamic_shapes) permute(s);
  if (p.caller_nchw) t.layout = TensorLayout::nchw;
  else if (p.send_format == RKNN_TENSOR_NHWC) t.layout = TensorLayout::nhwc;
}

/// The shapes of input `index` of a dynamic model; empty for a static one.
std::vector<rknn_tensor_attr> dynamic_attrs(const Context& context, const rknn_tensor_attr& attr) {
  auto range = std::make_unique<rknn_input_range>();
  std::memset(range.get(), 0, sizeof *range);
  range->index = attr.index;
  if (!context.query(RKNN_QUERY_INPUT_DYNAMIC_RANGE, *range)) return {};
  const std::uint32_t shapes = std::min<std::uint32_t>(range->shape_number, RKNN_MAX_DYNAMIC_SHAPE_NUM);
  const std::uint32_t rank = std::min<std::uint32_t>(range->n_dims, RKNN_MAX_DIMS);
  std::vector<rknn_tensor_attr> attrs(shapes, attr);
  for (std::uint32_t k = 0; k < shapes; ++k) {
    attrs[k].n_dims = rank;
    attrs[k].fmt = range->fmt;
    std::fill(std::begin(attrs[k].dims), std::end(attrs[k].dims), 0u);
    std::copy_n(range->dyn_range[k], rank, attrs[k].dims);
  }
  return attrs;
}

/// Elements from one index to the next, for each dimension of the attribute.
Shape memory_strides(const rknn_tensor_attr& a) {
  Shape strides = shape_of(a);
  // The width is the last dimension but one in NHWC and NC1HWC2; its rows, and its images, may be padded.
  const bool rows = a.fmt == RKNN_TENSOR_NHWC || a.fmt == RKNN_TENSOR_NC1HWC2;
  std::int64_t step = 1;
  for (std::size_t i = strides.rank(), from_end = 0; i-- > 0; ++from_end) {
    std::int64_t extent = strides[i];
    if (rows && from_end == 1 && a.w_stride) extent = a.w_stride;
    if (rows && from_end == 2 && a.h_stride) extent = a.h_stride;
    strides[i] = step;
    step *= extent;
  }
  return strides;
}

/// The layouts a runtime has for the port's own numbers. Tensors whose format the runtime does not state, and other
/// ranks than 4 (the vendor's native answer is wrong for some of them), are dense.
PortInfo port_of(const Context& context, const rknn_tensor_attr& logical, bool input, ZeroCopyLayout layout) {
  PortInfo port{logical, {}};
  const bool image = logical.n_dims == 4 && (logical.fmt == RKNN_TENSOR_NHWC || logical.fmt == RKNN_TENSOR_NCHW);
  const auto add = [&](rknn_query_cmd what) {
    rknn_tensor_attr attr{};
    attr.index = logical.index;
    if (!image || !context.query(what, attr)) return;
    attr.pass_through = input && attr.fmt == RKNN_TENSOR_NC1HWC2;
    port.own.push_back(attr);
  };
  const auto native = input ? RKNN_QUERY_NATIVE_INPUT_ATTR : RKNN_QUERY_NATIVE_OUTPUT_ATTR;
  const auto nhwc = input ? RKNN_QUERY_NATIVE_NHWC_INPUT_ATTR : RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR;
  add(layout == ZeroCopyLayout::native ? native : nhwc);
  add(layout == ZeroCopyLayout::native ? nhwc : native);
  if (port.own.empty()) port.own.push_back(logical);
  return port;
}

TensorInfo native_view(const PortInfo& port, const TensorInfo& shown) {
  const rknn_tensor_attr& attr = port.own.front();
  TensorInfo t = describe(attr, shown.name);
  t.name = shown.name;
  t.strides = memory_strides(attr);
  return t;
}

template <class T>
std::string version_text(const T& field) {
  return text_of(field, sizeof field);
}

void read_inputs(const Context& context, std::uint32_t count, const SessionOptions& options, ModelInfo& m) {
  std::vector<std::vector<rknn_tensor_attr>> dynamic;
  for (std::uint32_t i = 0; i < count; ++i) {
    rknn_tensor_attr attr{};
    attr.index = i;
    context.require(RKNN_QUERY_INPUT_ATTR, attr);
    m.input_plans.push_back(plan_input(attr, options.layout));
    TensorInfo t = describe(attr, "input_" + std::to_string(i));
    if (t.quantised || t.native_type == ElementType::float16 || t.native_type == ElementType::bfloat16)
      t.type = ElementType::float32;
    dynamic.push_back(dynamic_attrs(context, attr));
    for (const auto& a : dynamic.back()) t.dynamic_shapes.push_back(shape_of(a));
    m.input_ports.push_back(port_of(context, attr, true, options.zero_copy_layout));
    m.native_inputs.push_back(native_view(m.input_ports.back(), t));
    apply_order(t, m.input_plans.back());
    m.inputs.push_back(std::move(t));
  }
  const auto most = std::max_element(dynamic.begin(), dynamic.end(),
                                     [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (most == dynamic.end() || most->empty()) return;
  m.shape_sets = most->size();
  for (std::size_t i = 0; i < dynamic.size(); ++i)  // an input without a range has one shape in all combinations
    while (dynamic[i].size() < m.shape_sets) {
      dynamic[i].push_back(dynamic[i].empty() ? m.input_plans[i].attr : dynamic[i].back());
      m.inputs[i].dynamic_shapes.push_back(m.inputs[i].dynamic_shapes.empty() ? m.inputs[i].shape
                                                                              : m.inputs[i].dynamic_shapes.back());
    }
  for (std::size_t k = 0; k < m.shape_sets; ++k) {
    auto& set = m.shape_attrs.emplace_back();
    for (const auto& attrs : dynamic) set.push_back(attrs[k]);
  }
}

void read_outputs(const Context& context, std::uint32_t count, const SessionOptions& options, ModelInfo& m) {
  for (std::uint32_t i = 0; i < count; ++i) {
    rknn_tensor_attr attr{};
    attr.index = i;
    context.require(RKNN_QUERY_OUTPUT_ATTR, attr);
    m.output_attrs.push_back(attr);
    TensorInfo t = describe(attr, "output_" + std::to_string(i));
    m.output_ports.push_back(port_of(context, attr, false, options.zero_copy_layout));
    m.native_outputs.push_back(native_view(m.output_ports.back(), t));
    if (options.output_type == OutputType::float32) t.type = ElementType::float32;
    m.outputs.push_back(std::move(t));
  }
}

}  // namespace

ModelInfo read_model_info(const Context& context, const SessionOptions& options) {
  rknn_input_output_num count{};
  context.require(RKNN_QUERY_IN_OUT_NUM, count);
  if (count.n_input > kMostTensors || count.n_output > kMostTensors)
    throw Unsupported("the runtime reports " + std::to_string(count.n_input) + " inputs and " +
                      std::to_string(count.n_output) + " outputs; accepted: up to " + std::to_string(kMostTensors));
  ModelInfo m;
  read_inputs(context, count.n_input, options, m);
  read_outputs(context, count.n_output, options, m);
  rknn_sdk_version version{};
  if (context.query(RKNN_QUERY_SDK_VERSION, version)) {
    m.runtime_version = version_text(version.api_version);
    m.driver_version = version_text(version.drv_version);
  }
  rknn_mem_size memory{};
  if (context.query(RKNN_QUERY_MEM_SIZE, memory))
    m.memory = {memory.total_weight_size, memory.total_internal_size, memory.total_dma_allocated_size,
                memory.total_sram_size, memory.free_sram_size};
  rknn_custom_string custom{};
  if (context.query(RKNN_QUERY_CUSTOM_STRING, custom)) m.custom_string = version_text(custom.string);
  return m;
}

PortInfo current_port(const Context& context, bool input, std::uint32_t index, ZeroCopyLayout layout) {
  PortInfo port;
  port.logical.index = index;
  context.require(input ? RKNN_QUERY_CURRENT_INPUT_ATTR : RKNN_QUERY_CURRENT_OUTPUT_ATTR, port.logical);
  const auto what = input ? RKNN_QUERY_CURRENT_NATIVE_INPUT_ATTR : RKNN_QUERY_CURRENT_NATIVE_OUTPUT_ATTR;
  rknn_tensor_attr native{};
  native.index = index;
  if (layout == ZeroCopyLayout::native && port.logical.n_dims == 4 && context.query(what, native)) {
    native.pass_through = input && native.fmt == RKNN_TENSOR_NC1HWC2;
    port.own.push_back(native);
  }
  port.own.push_back(port.logical);  // there is no query for the current NHWC view
  return port;
}

bool is_older_than_the_interface(const std::string& version) {
  int major = 0, minor = 0;
  return std::sscanf(version.c_str(), "%d.%d", &major, &minor) == 2 && (major < 1 || (major == 1 && minor < 4));
}

ElementType element_type(rknn_tensor_type type) {
  static_assert(static_cast<int>(ElementType::boolean) == RKNN_TENSOR_BOOL &&
                static_cast<int>(ElementType::bfloat16) == RKNN_TENSOR_BFLOAT16);
  if (static_cast<int>(type) < 0 || type > RKNN_TENSOR_BFLOAT16)
    throw Unsupported("the runtime reports a tensor type with the number " + std::to_string(static_cast<int>(type)));
  return static_cast<ElementType>(type);
}

rknn_tensor_type rknn_type(ElementType type) { return static_cast<rknn_tensor_type>(type); }

Shape shape_of(const rknn_tensor_attr& attr) {
  return Shape(std::span(attr.dims, std::min<std::size_t>(attr.n_dims, Shape::kMax)));
}

std::size_t output_bytes(const rknn_tensor_attr& attr, OutputType type) {
  if (type == OutputType::float32) return std::size_t{attr.n_elems} * sizeof(float);
  return std::max<std::size_t>(attr.size, attr.n_elems * size_of(element_type(attr.type)));
}

}  // namespace ez_rknn
