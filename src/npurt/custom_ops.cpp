// Custom operators: rknn_register_custom_ops, rknn_custom_op_get_op_attr.
#include <algorithm>
#include <cstring>

#include "core/log.hpp"
#include "npurt/context.hpp"
#include "npurt/custom_node.hpp"
#include "npurt/guard.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;

/// One registered operator and the nodes it computes; owned by the context it is registered with.
struct Registered {
  rknn_custom_op op;
  std::map<const file::Node*, std::unique_ptr<CustomNode>> nodes;

  int run(const file::Node& node, std::span<const ConstTensorView> in, std::span<const TensorView> out) {
    auto& state = nodes[&node];
    if (!state) state = std::make_unique<CustomNode>(op, node, in, out);
    state->run(in, out);
    return 0;
  }
};

std::string type_in(const rknn_custom_op& op) { return {op.op_type, strnlen(op.op_type, sizeof op.op_type)}; }

void check(const rknn_custom_op& op) {
  const std::string type = type_in(op);
  if (type.empty() || type.size() == sizeof op.op_type)
    refuse(RKNN_ERR_PARAM_INVALID, "an operator's op_type is empty or does not end");
  if (op.target != RKNN_TARGET_TYPE_CPU)
    refuse(RKNN_ERR_PARAM_INVALID, "operator \"" + type + "\" is for target " +
                                       std::to_string(static_cast<std::uint32_t>(op.target)) +
                                       "; the software NPU runs operators for the CPU (1)");
  if (!op.compute && !op.compute_native)
    refuse(RKNN_ERR_PARAM_INVALID, "operator \"" + type + "\" has neither compute nor compute_native");
}

}  // namespace

extern "C" {

int rknn_register_custom_ops(rknn_context context, rknn_custom_op* op, uint32_t custom_op_num) {
  return guarded("rknn_register_custom_ops", [&] {
    const InUse c(context);
    require_pointer(op, "the list of operators");
    if (custom_op_num == 0) refuse(RKNN_ERR_PARAM_INVALID, "no operator is given");
    const std::span<const rknn_custom_op> ops(op, custom_op_num);
    std::for_each(ops.begin(), ops.end(), check);
    const auto& needed = c->program().custom_operators();
    for (const rknn_custom_op& one : ops) {
      const std::string type = type_in(one);
      if (std::find(needed.begin(), needed.end(), type) == needed.end())
        log::info("custom operator \"" + type + "\" is registered, the model does not use it");
      auto registered = std::make_shared<Registered>();
      registered->op = one;
      c->context->register_custom(
          type, [registered](const file::Node& node, auto in, auto out) { return registered->run(node, in, out); });
    }
  });
}

void rknn_custom_op_get_op_attr(rknn_custom_op_context* op_context, const char* attr_name, rknn_custom_op_attr* attr) {
  guarded("rknn_custom_op_get_op_attr", [&] {
    require_pointer(attr, "the attribute to fill");
    *attr = {};
    require_pointer(op_context, "the operator's context");
    require_pointer(attr_name, "the attribute's name");
    const auto attributes = attributes_of(op_context->internal_ctx);
    if (!attributes) refuse(RKNN_ERR_PARAM_INVALID, "the operator's context is none of this library's");
    *attr = attributes->find(attr_name);
  });
}

}  // extern "C"
