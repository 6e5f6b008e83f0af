/* The operator of a vendor's example model (cstDualResidual): y0 = alpha a - b, y1 = alpha b - a, all float32. */
#include <stdlib.h>

#include "abi/rknn.h"

static int on_init(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                   uint32_t n_out) {
  (void)in, (void)out;
  rknn_custom_op_attr alpha;
  rknn_custom_op_get_op_attr(op, "alpha", &alpha);
  if (n_in != 2 || n_out != 2 || !alpha.data || alpha.dtype != RKNN_TENSOR_FLOAT32) return RKNN_ERR_PARAM_INVALID;
  float* kept = malloc(sizeof *kept);
  if (!kept) return RKNN_ERR_MALLOC_FAIL;
  *kept = *(const float*)alpha.data;
  op->priv_data = kept;
  return RKNN_SUCC;
}

static float* values(const rknn_custom_op_tensor* t) { return (float*)((char*)t->mem.virt_addr + t->mem.offset); }

static int on_compute(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                      uint32_t n_out) {
  (void)n_in, (void)n_out;
  const float alpha = *(const float*)op->priv_data;
  const float *a = values(&in[0]), *b = values(&in[1]);
  float *y0 = values(&out[0]), *y1 = values(&out[1]);
  for (uint32_t i = 0; i < in[0].attr.n_elems; ++i) {
    y0[i] = alpha * a[i] - b[i];
    y1[i] = alpha * b[i] - a[i];
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
      .op_type = "cstDualResidual",
      .init = on_init,
      .compute = on_compute,
      .destroy = on_destroy,
  };
  return &op;
}
