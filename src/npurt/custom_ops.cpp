// Custom operators: not there yet. Registration fails and says so; the attributes of an operator are none.
#include <cstring>

#include "npurt/context.hpp"
#include "npurt/guard.hpp"

extern "C" {

int rknn_register_custom_ops(rknn_context context, rknn_custom_op*, uint32_t) {
  using namespace ez_rknn::npurt;
  return guarded("rknn_register_custom_ops", [&] {
    find_context(context);
    refuse(RKNN_ERR_FAIL, "custom operators are not supported by the software NPU");
  });
}

void rknn_custom_op_get_op_attr(rknn_custom_op_context*, const char*, rknn_custom_op_attr* attr) {
  if (attr) std::memset(attr, 0, sizeof *attr);
}

}  // extern "C"
