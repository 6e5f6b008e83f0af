// rknn_set_io_mem: inputs read from and outputs written to the caller's memory.
#include <cstring>
#include <string_view>

#include "npurt/context.hpp"
#include "npurt/guard.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;
using npu::io::Format;

std::string_view name_in(const rknn_tensor_attr& attr) { return {attr.name, strnlen(attr.name, sizeof attr.name)}; }

/// The attribute does not say whether it is an input's or an output's; its name does.
Port find_port(const ContextState& c, const rknn_tensor_attr& attr) {
  const std::string_view name = name_in(attr);
  for (bool with_index : {true, false})
    for (Side side : {Side::input, Side::output})
      for (std::uint32_t i = 0; i < port_count(c.program(), side); ++i) {
        if (with_index && i != attr.index) continue;
        const Port port = c.port(side, i);
        if (std::string_view(port.tensor().name).substr(0, sizeof attr.name - 1) == name) return port;
      }
  refuse(RKNN_ERR_PARAM_INVALID,
         "no input or output is named \"" + std::string(name) + "\" (index " + std::to_string(attr.index) + ")");
}

Format format_of(const Port& port, const rknn_tensor_attr& attr) {
  if (port.shape().rank() != 4) return Format::logical;
  switch (attr.fmt) {
    case RKNN_TENSOR_NCHW: return Format::logical;
    case RKNN_TENSOR_NHWC: return Format::nhwc;
    case RKNN_TENSOR_UNDEFINED: return port.side() == Side::input ? Format::nhwc : Format::logical;
    case RKNN_TENSOR_NC1HWC2:
      if (port.c2() > 0 && (attr.n_dims != 5 || attr.dims[4] == static_cast<std::uint32_t>(port.c2())))
        return Format::nc1hwc2;
      refuse(RKNN_ERR_PARAM_INVALID, "\"" + port.tensor().name + "\" does not have this NC1HWC2 layout; C2 is " +
                                         std::to_string(port.c2()) + " (0: the tensor has another)");
    default: break;
  }
  refuse(RKNN_ERR_PARAM_INVALID, "format " + std::to_string(static_cast<std::uint32_t>(attr.fmt)) + " is unknown");
}

Binding binding_of(const Port& port, std::shared_ptr<Memory> memory, const rknn_tensor_attr& attr) {
  Binding b;
  b.layout.format = format_of(port, attr);
  b.layout.c2 = port.c2();
  if (b.layout.format == Format::nhwc || b.layout.format == Format::nc1hwc2) {
    b.layout.w_stride = attr.w_stride;
    b.layout.h_stride = attr.h_stride;
  }
  // Memory of the tensor's own type holds its own numbers (quantised by the caller); another type, real values.
  b.own_numbers = attr.pass_through || attr.type == port.type();
  b.layout.dtype = b.own_numbers ? port.tensor().dtype : dtype_of(attr.type);
  if (b.own_numbers) b.layout.quant = port.tensor().quant;
  const std::uint64_t bytes = npu::io::bytes_of(port.shape(), b.layout);
  if (memory->size() < bytes)
    refuse(RKNN_ERR_PARAM_INVALID, std::string(name_of(port.side())) + " \"" + port.tensor().name + "\" takes " +
                                       std::to_string(bytes) + " bytes as " + get_type_string(attr.type) + " " +
                                       get_format_string(attr.fmt) + ", the memory has " +
                                       std::to_string(memory->size()));
  b.memory = std::move(memory);
  return b;
}

}  // namespace

extern "C" int rknn_set_io_mem(rknn_context context, rknn_tensor_mem* mem, rknn_tensor_attr* attr) {
  return guarded("rknn_set_io_mem", [&] {
    const InUse c(context);
    auto memory = memory_of(mem);
    require_pointer(attr, "the attribute");
    const Port port = find_port(*c, *attr);
    auto& bound = port.side() == Side::input ? c->bound_inputs : c->bound_outputs;
    bound[port.index()] = binding_of(port, std::move(memory), *attr);
  });
}
