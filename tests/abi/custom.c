/* A custom operator computed by the program: its callbacks, attributes and errors.
 *
 * usage: custom custom_operator_i8.rknn|custom_operator_fp16.rknn */
#include <math.h>
#include <string.h>

#include "abi/rknn.h"
#include "check.h"

enum { kElements = 8 * 6 * 6 };

static rknn_context context = 0;
static int inits = 0, prepares = 0, computes = 0, destroys = 0, fail_with = 0;

static int on_init(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                   uint32_t n_out) {
  ++inits;
  CHECK(op->target == RKNN_TARGET_TYPE_CPU && n_in == 1 && n_out == 1);
  CHECK(in->attr.n_dims == 4 && in->attr.dims[1] == 8 && in->attr.dims[2] == 6 && in->attr.dims[3] == 6);
  CHECK(in->attr.fmt == RKNN_TENSOR_NCHW && out->attr.n_elems == kElements);
  op->priv_data = malloc(16);
  return 0;
}

static int on_prepare(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                      uint32_t n_out) {
  (void)in, (void)n_in, (void)out, (void)n_out;
  CHECK(op->priv_data != NULL);
  ++prepares;
  return 0;
}

static rknn_custom_op_attr attribute(rknn_custom_op_context* op, const char* name) {
  rknn_custom_op_attr attr;
  rknn_custom_op_get_op_attr(op, name, &attr);
  return attr;
}

static int on_compute(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                      uint32_t n_out) {
  ++computes;
  CHECK(n_in == 1 && n_out == 1 && in->attr.type == RKNN_TENSOR_FLOAT32 && out->attr.type == RKNN_TENSOR_FLOAT32);
  CHECK(in->mem.size == kElements * sizeof(float));
  const rknn_custom_op_attr scale = attribute(op, "scale"), repeat = attribute(op, "repeat"),
                            mode = attribute(op, "mode");
  const rknn_custom_op_attr gains = attribute(op, "gains"), order = attribute(op, "order"),
                            name = attribute(op, "name");
  CHECK(scale.dtype == RKNN_TENSOR_FLOAT32 && scale.n_elems == 1 && strcmp(scale.name, "scale") == 0);
  CHECK(repeat.dtype == RKNN_TENSOR_INT64 && repeat.n_elems == 1);
  CHECK(mode.dtype == RKNN_TENSOR_UINT8 && mode.n_elems == strlen((const char*)mode.data));
  CHECK(gains.dtype == RKNN_TENSOR_FLOAT32 && gains.n_elems > 1 && order.dtype == RKNN_TENSOR_INT64);
  CHECK(name.dtype == RKNN_TENSOR_UINT8 && strstr((const char*)name.data, "cstScaledSoftsign"));
  CHECK(attribute(op, "nothing").data == NULL);
  /* The context is at work: it cannot be used from here, and says so instead of waiting for itself. */
  CHECK_CODE(rknn_run(context, NULL), RKNN_ERR_FAIL);
  if (fail_with) return fail_with;
  const float* from = (const float*)((char*)in->mem.virt_addr + in->mem.offset);
  float* to = (float*)((char*)out->mem.virt_addr + out->mem.offset);
  for (int i = 0; i < kElements; ++i) {
    float x = from[i];
    for (int64_t r = 0; r < *(int64_t*)repeat.data; ++r)
      x = *(float*)scale.data * ((float*)gains.data)[((int64_t*)order.data)[r]] * x / (1 + fabsf(x));
    to[i] = x;
  }
  return 0;
}

/* The tensors' own numbers: here the first input copied, so that the test sees types and bytes. */
static int on_compute_native(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in,
                             rknn_custom_op_tensor* out, uint32_t n_out) {
  (void)op, (void)n_in, (void)n_out;
  CHECK(in->attr.type == out->attr.type && in->attr.type != RKNN_TENSOR_FLOAT32 && in->attr.size == out->attr.size);
  memcpy(out->mem.virt_addr, in->mem.virt_addr, out->attr.size);
  return 0;
}

static int on_destroy(rknn_custom_op_context* op) {
  ++destroys;
  free(op->priv_data);
  return 0;
}

static void fill(float* x) {
  for (int i = 0; i < 3 * 6 * 6; ++i) x[i] = (float)((i * 37) % 101) / 50 - 1;
}

static int run(rknn_context c, float* y) {
  static float x[3 * 6 * 6];
  fill(x);
  rknn_input in = {.buf = x, .size = sizeof x, .type = RKNN_TENSOR_FLOAT32, .fmt = RKNN_TENSOR_NCHW};
  CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_SUCC);
  const int code = rknn_run(c, NULL);
  if (code) return code;
  rknn_output out = {.want_float = 1, .is_prealloc = 1, .buf = y, .size = kElements * sizeof(float)};
  CHECK_CODE(rknn_outputs_get(c, 1, &out, NULL), RKNN_SUCC);
  return 0;
}

int main(int argc, char** argv) {
  REQUIRE(argc == 2);
  float y[kElements], again[kElements];
  REQUIRE(rknn_init(&context, argv[1], 0, 0, NULL) == RKNN_SUCC);
  CHECK(run(context, y) != RKNN_SUCC); /* not registered yet; loading did not fail for it */
  rknn_custom_op op;
  memset(&op, 0, sizeof op);
  op.version = 1;
  op.target = RKNN_TARGET_TYPE_CPU;
  strcpy(op.op_type, "cstScaledSoftsign");
  op.init = on_init;
  op.prepare = on_prepare;
  op.compute = on_compute;
  op.destroy = on_destroy;
  CHECK_CODE(rknn_register_custom_ops(context, &op, 1), RKNN_SUCC);
  memset(&op, 0, sizeof op); /* the library has its own copy */
  CHECK_CODE(run(context, y), RKNN_SUCC);
  CHECK_CODE(run(context, again), RKNN_SUCC);
  CHECK(memcmp(y, again, sizeof y) == 0);
  CHECK(inits == 1 && prepares == 2 && computes == 2 && destroys == 0);
  float largest = 0;
  for (int i = 0; i < kElements; ++i) largest = fmaxf(largest, fabsf(y[i]));
  CHECK(largest > 0.01f);
  fail_with = -9;
  CHECK_CODE(run(context, y), -9);
  fail_with = RKNN_WARNING_SKIP_CUSTOM_OP_COMPUTE;
  CHECK_CODE(run(context, again), RKNN_SUCC); /* the outputs stay what they were */
  fail_with = 0;
  CHECK_CODE(run(context, y), RKNN_SUCC);
  CHECK(memcmp(y, again, sizeof y) == 0);

  /* A copy of the context has operators of its own. */
  rknn_context copy = 0;
  CHECK_CODE(rknn_dup_context(&context, &copy), RKNN_SUCC);
  CHECK(run(copy, y) != RKNN_SUCC);
  op.target = RKNN_TARGET_TYPE_CPU;
  strcpy(op.op_type, "cstScaledSoftsign");
  op.compute_native = on_compute_native;
  CHECK_CODE(rknn_register_custom_ops(copy, &op, 1), RKNN_SUCC);
  CHECK_CODE(run(copy, y), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(context), RKNN_SUCC);
  CHECK(destroys == 1);
  CHECK_CODE(rknn_destroy(copy), RKNN_SUCC);
  return report();
}
