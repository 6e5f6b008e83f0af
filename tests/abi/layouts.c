/* One run seen through every layout of inputs and outputs, and through all the shapes of a dynamic model.
 *
 * usage: layouts MODELS_FOLDER */
#include <string.h>

#include "abi/rknn.h"
#include "check.h"

static rknn_tensor_attr attribute(rknn_context c, rknn_query_cmd command, uint32_t index) {
  rknn_tensor_attr a;
  memset(&a, 0, sizeof a);
  a.index = index;
  CHECK_CODE(rknn_query(c, command, &a, sizeof a), RKNN_SUCC);
  return a;
}

static rknn_context open_model(const char* folder, const char* name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/fixtures/%s.rknn", folder, name);
  rknn_context c = 0;
  REQUIRE(rknn_init(&c, path, 0, 0, NULL) == RKNN_SUCC);
  return c;
}

/* The value at (n, c, y, x) of memory that `a` describes; int8 or float32. */
static float at(const rknn_tensor_attr* a, const void* data, int channels, int height, int width, int c, int y, int x) {
  const int row = a->w_stride ? (int)a->w_stride : width;
  size_t i = 0;
  if (a->fmt == RKNN_TENSOR_NCHW) i = ((size_t)c * height + y) * width + x;
  if (a->fmt == RKNN_TENSOR_NHWC) i = ((size_t)y * row + x) * channels + c;
  if (a->fmt == RKNN_TENSOR_NC1HWC2) {
    const int c2 = (int)a->dims[4];
    i = (((size_t)(c / c2) * height + y) * width + x) * c2 + c % c2;
  }
  if (a->type == RKNN_TENSOR_FLOAT32) return ((const float*)data)[i];
  return (float)(((const int8_t*)data)[i] - a->zp) * a->scale;
}

/* Output `index` as the copies give it, and as memory in `form`: equal everywhere. */
static void check_output(rknn_context c, uint32_t index, rknn_query_cmd form, int as_float, const float* nchw) {
  rknn_tensor_attr plain = attribute(c, RKNN_QUERY_OUTPUT_ATTR, index), a = attribute(c, form, index);
  CHECK(plain.fmt == RKNN_TENSOR_NCHW && plain.n_dims == 4);
  if (as_float) a.type = RKNN_TENSOR_FLOAT32;
  const int channels = (int)plain.dims[1], height = (int)plain.dims[2], width = (int)plain.dims[3];
  rknn_tensor_mem* mem = rknn_create_mem(c, as_float ? a.n_elems * 4 : a.size_with_stride);
  REQUIRE(mem);
  memset(mem->virt_addr, 0x55, mem->size);
  CHECK_CODE(rknn_set_io_mem(c, mem, &a), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  int wrong = 0;
  for (int k = 0; k < channels; ++k)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        wrong += at(&a, mem->virt_addr, channels, height, width, k, y, x) != nchw[(k * height + y) * width + x];
  CHECK(wrong == 0);
  CHECK_CODE(rknn_destroy_mem(c, mem), RKNN_SUCC);
}

static float* get_float(rknn_context c, uint32_t index, uint32_t elements) {
  float* y = malloc(elements * sizeof *y);
  rknn_output out = {.want_float = 1, .is_prealloc = 1, .index = index, .buf = y, .size = elements * 4};
  CHECK_CODE(rknn_outputs_get(c, 1, &out, NULL), RKNN_SUCC);
  return y;
}

static void check_image(const char* folder) {
  rknn_context c = open_model(folder, "image_u8_i8"); /* three channels with mean and deviation, 12 channels out */
  unsigned char image[16 * 16 * 3], planes[3 * 16 * 16];
  for (int i = 0; i < 16 * 16 * 3; ++i) image[i] = (unsigned char)(i * 89 % 251);
  for (int p = 0; p < 256; ++p)
    for (int k = 0; k < 3; ++k) planes[256 * k + p] = image[3 * p + k];
  rknn_input in = {.buf = image, .size = sizeof image, .type = RKNN_TENSOR_UINT8, .fmt = RKNN_TENSOR_NHWC};
  CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  const rknn_tensor_attr out = attribute(c, RKNN_QUERY_OUTPUT_ATTR, 0);
  CHECK(out.dims[1] == 12 && out.dims[2] == 8 && out.dims[3] == 8);
  float* want = get_float(c, 0, out.n_elems);
  in.buf = planes;
  in.fmt = RKNN_TENSOR_NCHW;
  CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  float* again = get_float(c, 0, out.n_elems);
  CHECK(memcmp(want, again, out.n_elems * 4) == 0);

  const rknn_tensor_attr native = attribute(c, RKNN_QUERY_NATIVE_OUTPUT_ATTR, 0);
  CHECK(native.fmt == RKNN_TENSOR_NC1HWC2 && native.n_dims == 5 && native.dims[1] == 1 && native.dims[4] == 16);
  CHECK(native.n_elems == 8 * 8 * 16 && native.size_with_stride >= native.size);
  const rknn_tensor_attr nhwc = attribute(c, RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR, 0);
  CHECK(nhwc.fmt == RKNN_TENSOR_NHWC && nhwc.dims[1] == 8 && nhwc.dims[3] == 12 && nhwc.n_elems == out.n_elems);
  for (int as_float = 0; as_float < 2; ++as_float) {
    check_output(c, 0, RKNN_QUERY_OUTPUT_ATTR, as_float, want);
    check_output(c, 0, RKNN_QUERY_NATIVE_OUTPUT_ATTR, as_float, want);
    check_output(c, 0, RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR, as_float, want);
  }

  /* The image in memory whose rows are apart. */
  rknn_tensor_attr a = attribute(c, RKNN_QUERY_INPUT_ATTR, 0);
  a.type = RKNN_TENSOR_UINT8;
  a.w_stride = 24;
  rknn_tensor_mem* mem = rknn_create_mem(c, 16 * 24 * 3);
  for (int y = 0; y < 16; ++y) memcpy((char*)mem->virt_addr + y * 24 * 3, image + y * 16 * 3, 16 * 3);
  CHECK_CODE(rknn_set_io_mem(c, mem, &a), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  float* strided = get_float(c, 0, out.n_elems);
  CHECK(memcmp(want, strided, out.n_elems * 4) == 0);
  free(strided);
  free(again);
  free(want);
  CHECK_CODE(rknn_destroy_mem(c, mem), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(c), RKNN_SUCC);
}

/* Several inputs and outputs of several ranks; indexes left at 0, as programs for old versions do. */
static void check_several(const char* folder) {
  rknn_context c = open_model(folder, "multi_io_i8");
  static float features[8 * 8 * 8], vector[12];
  for (int i = 0; i < 512; ++i) features[i] = (float)(i % 41) / 20 - 1;
  for (int i = 0; i < 12; ++i) vector[i] = (float)i / 6 - 1;
  rknn_input in[2] = {
      {.index = 0, .buf = features, .size = sizeof features, .type = RKNN_TENSOR_FLOAT32, .fmt = RKNN_TENSOR_NCHW},
      {.index = 1, .buf = vector, .size = sizeof vector, .type = RKNN_TENSOR_FLOAT32, .fmt = RKNN_TENSOR_UNDEFINED}};
  CHECK_CODE(rknn_inputs_set(c, 1, in), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_ERR_INPUT_INVALID); /* the second is missing */
  CHECK_CODE(rknn_inputs_set(c, 1, in + 1), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  rknn_output out[3];
  memset(out, 0, sizeof out);
  for (int i = 0; i < 3; ++i) out[i].want_float = 1;
  CHECK_CODE(rknn_outputs_get(c, 3, out, NULL), RKNN_SUCC);
  for (uint32_t i = 0; i < 3; ++i) {
    const rknn_tensor_attr a = attribute(c, RKNN_QUERY_OUTPUT_ATTR, i);
    CHECK(out[i].index == i && out[i].size == a.n_elems * 4);
    float* one = get_float(c, i, a.n_elems);
    CHECK(memcmp(one, out[i].buf, out[i].size) == 0);
    if (a.n_dims == 4) check_output(c, i, RKNN_QUERY_NATIVE_OUTPUT_ATTR, 0, one);
    free(one);
  }
  CHECK_CODE(rknn_outputs_release(c, 3, out), RKNN_SUCC);

  /* Eight channels: the NPU holds them as NC1HWC2, and takes them so. */
  float* want = get_float(c, 0, 16 * 8 * 8);
  rknn_tensor_attr a = attribute(c, RKNN_QUERY_NATIVE_INPUT_ATTR, 0);
  CHECK(a.fmt == RKNN_TENSOR_NC1HWC2 && a.dims[1] == 1 && a.dims[4] == 16);
  rknn_tensor_mem* mem = rknn_create_mem(c, a.size_with_stride);
  int8_t* q = mem->virt_addr;
  for (int k = 0; k < 8; ++k)
    for (int p = 0; p < 64; ++p) {
      const float v = features[64 * k + p] / a.scale;
      q[16 * p + k] = (int8_t)(v < 0 ? v - 0.5f : v + 0.5f); /* zero point 0 */
    }
  CHECK(a.zp == 0);
  a.pass_through = 1;
  CHECK_CODE(rknn_set_io_mem(c, mem, &a), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  float* native = get_float(c, 0, 16 * 8 * 8);
  CHECK(memcmp(want, native, 16 * 8 * 8 * 4) == 0);
  free(native);
  free(want);
  CHECK_CODE(rknn_destroy_mem(c, mem), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(c), RKNN_SUCC);
}

static void check_dynamic(const char* folder) {
  rknn_context c = open_model(folder, "dynamic_shapes_i8");
  rknn_input_range* range = calloc(1, sizeof *range);
  CHECK_CODE(rknn_query(c, RKNN_QUERY_INPUT_DYNAMIC_RANGE, range, sizeof *range), RKNN_SUCC);
  CHECK(range->shape_number >= 2 && range->fmt == RKNN_TENSOR_NHWC && range->n_dims == 4 && range->name[0]);
  for (uint32_t s = 0; s < range->shape_number; ++s) {
    rknn_tensor_attr in = attribute(c, RKNN_QUERY_INPUT_ATTR, 0);
    memcpy(in.dims, range->dyn_range[s], sizeof in.dims);
    CHECK_CODE(rknn_set_input_shapes(c, 1, &in), RKNN_SUCC);
    const rknn_tensor_attr now = attribute(c, RKNN_QUERY_CURRENT_INPUT_ATTR, 0);
    CHECK(memcmp(now.dims, in.dims, sizeof in.dims) == 0 && now.n_elems == in.dims[1] * in.dims[2] * 3);
    const rknn_tensor_attr out = attribute(c, RKNN_QUERY_CURRENT_OUTPUT_ATTR, 0);
    CHECK(out.dims[2] == in.dims[1] / 2 && out.dims[3] == in.dims[2] / 2);
    if (s > 0) CHECK_CODE(rknn_run(c, NULL), RKNN_ERR_INPUT_INVALID); /* what was set was for another shape */
    unsigned char* image = calloc(1, now.n_elems);
    rknn_input input = {.buf = image, .size = now.n_elems, .type = RKNN_TENSOR_UINT8, .fmt = RKNN_TENSOR_NHWC};
    CHECK_CODE(rknn_inputs_set(c, 1, &input), RKNN_SUCC);
    input.size -= 1;
    CHECK_CODE(rknn_inputs_set(c, 1, &input), RKNN_ERR_PARAM_INVALID);
    CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
    free(get_float(c, 0, out.n_elems));
    free(image);
  }
  /* NCHW order says the same. */
  rknn_tensor_attr in = attribute(c, RKNN_QUERY_INPUT_ATTR, 0);
  const uint32_t h = in.dims[1], w = in.dims[2];
  in.fmt = RKNN_TENSOR_NCHW;
  in.dims[1] = 3;
  in.dims[2] = h;
  in.dims[3] = w;
  CHECK_CODE(rknn_set_input_shape(c, &in), RKNN_SUCC);
  CHECK(attribute(c, RKNN_QUERY_CURRENT_INPUT_ATTR, 0).dims[1] == h);
  in.dims[2] = 9999;
  CHECK_CODE(rknn_set_input_shape(c, &in), RKNN_ERR_FAIL);
  free(range);
  CHECK_CODE(rknn_destroy(c), RKNN_SUCC);
}

/* A model without weights of its own runs with another context's. */
static void check_shared_weights(const char* folder) {
  rknn_context whole = open_model(folder, "shared_weights_i8"), borrower = 0;
  char path[1024];
  snprintf(path, sizeof path, "%s/fixtures/shared_weights_without_weights.rknn", folder);
  CHECK_CODE(rknn_init(&borrower, path, 0, 0, NULL), RKNN_ERR_MODEL_INVALID);
  rknn_init_extend extend;
  memset(&extend, 0, sizeof extend);
  extend.ctx = whole;
  CHECK_CODE(rknn_init(&borrower, path, 0, RKNN_FLAG_SHARE_WEIGHT_MEM, &extend), RKNN_SUCC);
  const rknn_tensor_attr in = attribute(whole, RKNN_QUERY_INPUT_ATTR, 0),
                         out = attribute(whole, RKNN_QUERY_OUTPUT_ATTR, 0);
  unsigned char* image = malloc(in.n_elems);
  for (uint32_t i = 0; i < in.n_elems; ++i) image[i] = (unsigned char)(i * 13 % 7);
  rknn_input input = {.buf = image, .size = in.n_elems, .type = RKNN_TENSOR_UINT8, .fmt = RKNN_TENSOR_NHWC};
  CHECK_CODE(rknn_inputs_set(whole, 1, &input), RKNN_SUCC);
  CHECK_CODE(rknn_inputs_set(borrower, 1, &input), RKNN_SUCC);
  CHECK_CODE(rknn_run(whole, NULL), RKNN_SUCC);
  float* want = get_float(whole, 0, out.n_elems);
  CHECK_CODE(rknn_destroy(whole), RKNN_SUCC); /* the borrower keeps what it borrowed */
  CHECK_CODE(rknn_run(borrower, NULL), RKNN_SUCC);
  float* got = get_float(borrower, 0, out.n_elems);
  CHECK(memcmp(want, got, out.n_elems * 4) == 0);
  free(want);
  free(got);
  free(image);
  CHECK_CODE(rknn_destroy(borrower), RKNN_SUCC);
}

/* The channels that lie together: 16 bytes of them, 8 on RK3566 and RK3568. */
static void check_chips(const char* folder) {
  static const struct {
    const char* model;
    uint32_t together;
  } chips[] = {{"brain_floats_bf16", 8},
               {"brain_floats_bf16_rk3566", 4},
               {"brain_floats_bf16_rk3562", 8},
               {"brain_floats_bf16_rk3576", 8}};
  static float image[14 * 12 * 3];
  for (int i = 0; i < 14 * 12 * 3; ++i) image[i] = (float)(i % 31) / 15 - 1;
  for (unsigned i = 0; i < sizeof chips / sizeof *chips; ++i) {
    rknn_context c = open_model(folder, chips[i].model);
    rknn_input in = {.buf = image, .size = sizeof image, .type = RKNN_TENSOR_FLOAT32, .fmt = RKNN_TENSOR_NHWC};
    CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_SUCC);
    CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
    const rknn_tensor_attr native = attribute(c, RKNN_QUERY_NATIVE_OUTPUT_ATTR, 0);
    CHECK(native.fmt == RKNN_TENSOR_NC1HWC2 && native.type == RKNN_TENSOR_BFLOAT16 && native.n_dims == 5);
    CHECK(native.dims[4] == chips[i].together && native.dims[1] == 16 / chips[i].together);
    float* want = get_float(c, 0, 16 * 7 * 6);
    check_output(c, 0, RKNN_QUERY_NATIVE_OUTPUT_ATTR, 1, want);
    check_output(c, 0, RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR, 1, want);
    free(want);
    rknn_sdk_version version;
    CHECK_CODE(rknn_query(c, RKNN_QUERY_SDK_VERSION, &version, sizeof version), RKNN_SUCC);
    CHECK(version.api_version[0] >= '0' && version.api_version[0] <= '9' && version.drv_version[0]);
    CHECK_CODE(rknn_destroy(c), RKNN_SUCC);
  }
}

int main(int argc, char** argv) {
  REQUIRE(argc == 2);
  check_image(argv[1]);
  check_several(argv[1]);
  check_dynamic(argv[1]);
  check_shared_weights(argv[1]);
  check_chips(argv[1]);
  return report();
}
