/* The operator of models/fixtures/custom_operator_*.rknn: x = scale * gains[order[i]] * x / (1 + |x|), `repeat` times.
 *
 * What it needs of the runtime is one function, rknn_custom_op_get_op_attr, which whoever loads the plug-in provides.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "abi/rknn.h"

typedef struct {
  float scale;
  float gains[8];
  int64_t order[8];
  int64_t repeat;
} Parameters;

static rknn_custom_op_attr attribute(rknn_custom_op_context* op, const char* name) {
  rknn_custom_op_attr attr;
  rknn_custom_op_get_op_attr(op, name, &attr);
  return attr;
}

/* Attributes are read once, into the operator's own data. */
static int on_init(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                   uint32_t n_out) {
  (void)in, (void)out;
  const rknn_custom_op_attr scale = attribute(op, "scale"), gains = attribute(op, "gains");
  const rknn_custom_op_attr order = attribute(op, "order"), repeat = attribute(op, "repeat");
  if (n_in != 1 || n_out != 1 || !scale.data || !gains.data || !order.data || !repeat.data)
    return RKNN_ERR_PARAM_INVALID;
  if (gains.dtype != RKNN_TENSOR_FLOAT32 || gains.n_elems > 8 || order.dtype != RKNN_TENSOR_INT64 || order.n_elems > 8)
    return RKNN_ERR_PARAM_INVALID;
  Parameters* p = calloc(1, sizeof *p);
  if (!p) return RKNN_ERR_MALLOC_FAIL;
  p->scale = *(const float*)scale.data;
  p->repeat = *(const int64_t*)repeat.data;
  memcpy(p->gains, gains.data, gains.n_elems * sizeof(float));
  memcpy(p->order, order.data, order.n_elems * sizeof(int64_t));
  op->priv_data = p;
  return RKNN_SUCC;
}

static int on_compute(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                      uint32_t n_out) {
  (void)n_in, (void)n_out;
  const Parameters* p = op->priv_data;
  const float* from = (const float*)((const char*)in->mem.virt_addr + in->mem.offset);
  float* to = (float*)((char*)out->mem.virt_addr + out->mem.offset);
  for (uint32_t i = 0; i < in->attr.n_elems; ++i) {
    float x = from[i];
    for (int64_t r = 0; r < p->repeat; ++r) x = p->scale * p->gains[p->order[r]] * x / (1 + fabsf(x));
    to[i] = x;
  }
  return RKNN_SUCC;
}

static int on_destroy(rknn_custom_op_context* op) {
  free(op->priv_data);
  return RKNN_SUCC;
}

__attribute__((visibility("default"))) rknn_custom_op* get_rknn_custom_op(void) {
  static rknn_custom_op op = {
      .version = 1,
      .target = RKNN_TARGET_TYPE_CPU,
      .op_type = "cstScaledSoftsign",
      .init = on_init,
      .compute = on_compute,
      .destroy = on_destroy,
  };
  return &op;
}
