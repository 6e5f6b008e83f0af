// rknn_set_input_shape, rknn_set_input_shapes: choosing one of the shapes a dynamic model was built for.
#include <span>

#include "npurt/context.hpp"
#include "npurt/guard.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;

Dims wanted_shape(const rknn_tensor_attr& a) {
  if (a.n_dims > RKNN_MAX_DIMS)
    refuse(RKNN_ERR_PARAM_INVALID, "a shape of " + std::to_string(a.n_dims) + " dimensions; 16 are possible");
  // 4-D inputs are NHWC unless the attribute says otherwise.
  return from_format(Dims(std::span(a.dims, a.n_dims)),
                     a.fmt == RKNN_TENSOR_NCHW ? RKNN_TENSOR_NCHW : RKNN_TENSOR_NHWC);
}

std::string shapes_of(const npu::Program& program, int graph) {
  std::string text;
  for (std::uint32_t i = 0; i < port_count(program, Side::input); ++i)
    text += (i ? " " : "") + to_string(to_format(port_at(program, graph, Side::input, i).shape(), RKNN_TENSOR_NHWC));
  return text;
}

/// The graph whose inputs have the shapes given; among several the one whose other inputs stay as they are.
int find_graph(const ContextState& c, std::span<const rknn_tensor_attr> attrs) {
  const npu::Program& program = c.program();
  int found = -1, kept_best = -1;
  for (int g = 0; g < program.graph_count(); ++g) {
    bool fits = true;
    for (const auto& a : attrs) fits = fits && port_at(program, g, Side::input, a.index).shape() == wanted_shape(a);
    if (!fits) continue;
    int kept = 0;
    for (std::uint32_t i = 0; i < port_count(program, Side::input); ++i)
      kept += port_at(program, g, Side::input, i).shape() == c.port(Side::input, i).shape();
    if (kept > kept_best) found = g, kept_best = kept;
  }
  return found;
}

void set_shapes(rknn_context context, std::span<const rknn_tensor_attr> attrs) {
  const InUse c(context);
  const npu::Program& program = c->program();
  if (attrs.empty() || attrs.size() > port_count(program, Side::input))
    refuse(RKNN_ERR_PARAM_INVALID, std::to_string(attrs.size()) + " input shapes are given, the model has " +
                                       std::to_string(port_count(program, Side::input)) + " inputs");
  require_pointer(attrs.data(), "the list of shapes");
  const int graph = find_graph(*c, attrs);
  if (graph < 0) {
    std::string text = "the model cannot take shapes";
    for (const auto& a : attrs) text += " " + to_string(to_format(wanted_shape(a), RKNN_TENSOR_NHWC));
    text += "; it was built for";
    for (int g = 0; g < program.graph_count(); ++g) text += (g ? ", or " : " ") + shapes_of(program, g);
    refuse(RKNN_ERR_FAIL, text);
  }
  c->select_graph(graph);
}

}  // namespace

extern "C" {

int rknn_set_input_shape(rknn_context context, rknn_tensor_attr* attr) {
  return guarded("rknn_set_input_shape", [&] {
    find_context(context);
    require_pointer(attr, "the attribute");
    set_shapes(context, {attr, 1});
  });
}

int rknn_set_input_shapes(rknn_context context, uint32_t n_inputs, rknn_tensor_attr attr[]) {
  return guarded("rknn_set_input_shapes", [&] {
    find_context(context);
    if (n_inputs > 0) require_pointer(attr, "the list of shapes");
    set_shapes(context, {attr, n_inputs});
  });
}

}  // extern "C"
