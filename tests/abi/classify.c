/* A program as one writes it for a board: the interface's header, the library, nothing else. It classifies digits
 * through every way the interface offers and compares them.
 *
 * usage: classify digits_i8.rknn|digits_fp16.rknn */
#include <math.h>
#include <string.h>

#include "abi/rknn.h"
#include "check.h"
#include "digits.h"

enum { kSide = 32, kPixels = kSide * kSide, kClasses = 10 };

static void* read_file(const char* path, uint32_t* size) {
  FILE* f = fopen(path, "rb");
  REQUIRE(f);
  fseek(f, 0, SEEK_END);
  *size = (uint32_t)ftell(f);
  rewind(f);
  void* bytes = malloc(*size);
  REQUIRE(bytes && fread(bytes, 1, *size, f) == *size);
  fclose(f);
  return bytes;
}

static rknn_tensor_attr attribute(rknn_context c, rknn_query_cmd command, uint32_t index) {
  rknn_tensor_attr a;
  memset(&a, 0, sizeof a);
  a.index = index;
  CHECK_CODE(rknn_query(c, command, &a, sizeof a), RKNN_SUCC);
  return a;
}

static void check_attributes(rknn_context c) {
  rknn_input_output_num num;
  CHECK_CODE(rknn_query(c, RKNN_QUERY_IN_OUT_NUM, &num, sizeof num), RKNN_SUCC);
  CHECK(num.n_input == 1 && num.n_output == 1);

  const rknn_tensor_attr in = attribute(c, RKNN_QUERY_INPUT_ATTR, 0), out = attribute(c, RKNN_QUERY_OUTPUT_ATTR, 0);
  const uint32_t element = in.type == RKNN_TENSOR_INT8 ? 1 : 2;
  CHECK(in.n_dims == 4 && in.dims[0] == 1 && in.dims[1] == kSide && in.dims[2] == kSide && in.dims[3] == 1);
  CHECK(in.dims[4] == 0 && in.dims[15] == 0);
  CHECK(in.fmt == RKNN_TENSOR_NHWC && in.n_elems == kPixels && in.size == kPixels * element);
  CHECK(in.w_stride == kSide && in.size_with_stride == in.size && in.h_stride == 0 && in.pass_through == 0);
  CHECK(in.qnt_type == RKNN_TENSOR_QNT_AFFINE_ASYMMETRIC && strcmp(in.name, "image") == 0);
  CHECK(out.n_dims == 2 && out.dims[0] == 1 && out.dims[1] == kClasses && out.fmt == RKNN_TENSOR_UNDEFINED);
  CHECK(out.n_elems == kClasses && out.size == kClasses * element && out.w_stride == 0 && out.type == in.type);
  CHECK(out.size_with_stride == out.size && out.index == 0 && strcmp(out.name, "logits") == 0);
  if (in.type == RKNN_TENSOR_INT8) {
    CHECK(in.zp == -128 && fabsf(in.scale - 1 / 255.0f) < 1e-6f);
    CHECK(out.zp == 9 && fabsf(out.scale - 0.1004f) < 1e-4f);
  } else {
    CHECK(in.type == RKNN_TENSOR_FLOAT16 && in.zp == 0 && in.scale == 1 && out.zp == 0 && out.scale == 1);
  }
  /* A static model's current shapes are its shapes; an image is NHWC for the NPU too. */
  rknn_tensor_attr again = attribute(c, RKNN_QUERY_CURRENT_INPUT_ATTR, 0);
  CHECK(memcmp(&again, &in, sizeof in) == 0);
  again = attribute(c, RKNN_QUERY_CURRENT_OUTPUT_ATTR, 0);
  CHECK(memcmp(&again, &out, sizeof out) == 0);
  again = attribute(c, RKNN_QUERY_NATIVE_INPUT_ATTR, 0);
  CHECK(again.fmt == RKNN_TENSOR_NHWC && again.n_dims == 4 && again.dims[2] == kSide && again.dims[3] == 1);
  again = attribute(c, RKNN_QUERY_NATIVE_OUTPUT_ATTR, 0);
  CHECK(memcmp(&again, &out, sizeof out) == 0);

  rknn_custom_string custom;
  CHECK_CODE(rknn_query(c, RKNN_QUERY_CUSTOM_STRING, &custom, sizeof custom), RKNN_SUCC);
  CHECK(strstr(custom.string, "classes") != NULL);
  rknn_sdk_version version;
  CHECK_CODE(rknn_query(c, RKNN_QUERY_SDK_VERSION, &version, sizeof version), RKNN_SUCC);
  CHECK(strstr(version.api_version, "ez-rknn-async") && strstr(version.drv_version, "software NPU"));
  int major = 0, minor = 0, patch = 0;
  CHECK(sscanf(version.api_version, "%d.%d.%d (", &major, &minor, &patch) == 3 && major == 2);
  rknn_mem_size memory;
  CHECK_CODE(rknn_query(c, RKNN_QUERY_MEM_SIZE, &memory, sizeof memory), RKNN_SUCC);
  CHECK(memory.total_weight_size > 20000 && memory.total_weight_size < 100000 && memory.total_internal_size > 0);
  CHECK(memory.total_dma_allocated_size > 0 && memory.total_sram_size == 0);
}

/* The usual way: bytes in, float out. */
static void run_copy(rknn_context c, const unsigned char* image, float logits[kClasses]) {
  rknn_input in = {
      .index = 0, .buf = (void*)image, .size = kPixels, .type = RKNN_TENSOR_UINT8, .fmt = RKNN_TENSOR_NHWC};
  CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_SUCC);
  rknn_run_extend run = {0};
  CHECK_CODE(rknn_run(c, &run), RKNN_SUCC);
  CHECK(run.frame_id > 0);
  rknn_output out = {.want_float = 1, .is_prealloc = 0, .index = 0};
  CHECK_CODE(rknn_outputs_get(c, 1, &out, NULL), RKNN_SUCC);
  REQUIRE(out.buf && out.size == kClasses * sizeof(float));
  memcpy(logits, out.buf, out.size);
  CHECK_CODE(rknn_outputs_release(c, 1, &out), RKNN_SUCC);
  CHECK(out.buf == NULL);
}

static int best(const float logits[kClasses]) {
  int k = 0;
  for (int i = 1; i < kClasses; ++i) k = logits[i] > logits[k] ? i : k;
  return k;
}

/* Other ways to say the same: results must be the same to the bit. */
static void check_copies(rknn_context c, const unsigned char* image, const float want[kClasses]) {
  float got[kClasses], real[kPixels];
  uint16_t half[kPixels];
  int64_t wide[kPixels];
  for (int i = 0; i < kPixels; ++i) {
    real[i] = image[i];
    wide[i] = image[i];
    /* 0..255 as half precision: the exponent of the highest bit, the rest behind it. */
    int e = 0;
    while (image[i] >> (e + 1)) ++e;
    half[i] = image[i] ? (uint16_t)((e + 15) << 10 | ((unsigned)(image[i] ^ (1 << e)) << (10 - e))) : 0;
  }
  const struct {
    void* data;
    rknn_tensor_type type;
    uint32_t element;
  } forms[] = {{real, RKNN_TENSOR_FLOAT32, 4}, {half, RKNN_TENSOR_FLOAT16, 2}, {wide, RKNN_TENSOR_INT64, 8}};
  for (unsigned f = 0; f < sizeof forms / sizeof *forms; ++f)
    for (int nchw = 0; nchw < 2; ++nchw) { /* one channel: both orders are one */
      rknn_input in = {.buf = forms[f].data,
                       .size = kPixels * forms[f].element,
                       .type = forms[f].type,
                       .fmt = nchw ? RKNN_TENSOR_NCHW : RKNN_TENSOR_NHWC};
      CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_SUCC);
      CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
      rknn_output out = {.want_float = 1, .is_prealloc = 1, .index = 0, .buf = got, .size = sizeof got};
      rknn_output_extend extend = {0};
      CHECK_CODE(rknn_outputs_get(c, 1, &out, &extend), RKNN_SUCC);
      CHECK(extend.frame_id > 0 && out.buf == got);
      CHECK(memcmp(got, want, sizeof got) == 0);
      CHECK_CODE(rknn_outputs_release(c, 1, &out), RKNN_SUCC);
    }
}

/* The tensor's own numbers in and out. */
static void check_pass_through(rknn_context c, const unsigned char* image, const float want[kClasses]) {
  const rknn_tensor_attr in_attr = attribute(c, RKNN_QUERY_INPUT_ATTR, 0),
                         out_attr = attribute(c, RKNN_QUERY_OUTPUT_ATTR, 0);
  if (in_attr.type != RKNN_TENSOR_INT8) return;
  int8_t q[kPixels];
  for (int i = 0; i < kPixels; ++i) q[i] = (int8_t)(image[i] - 128); /* (x / 255) / (1 / 255) - 128 */
  rknn_input in = {.buf = q, .size = sizeof q, .pass_through = 1, .type = RKNN_TENSOR_INT8, .fmt = RKNN_TENSOR_NHWC};
  CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  int8_t logits[kClasses];
  rknn_output out = {.want_float = 0, .is_prealloc = 1, .buf = logits, .size = sizeof logits};
  CHECK_CODE(rknn_outputs_get(c, 1, &out, NULL), RKNN_SUCC);
  for (int i = 0; i < kClasses; ++i) CHECK((float)(logits[i] - out_attr.zp) * out_attr.scale == want[i]);
}

/* Memory shared with the NPU instead of copies. */
static void check_io_mem(rknn_context c, const unsigned char* image, const float want[kClasses]) {
  rknn_tensor_attr in = attribute(c, RKNN_QUERY_NATIVE_INPUT_ATTR, 0), out = attribute(c, RKNN_QUERY_OUTPUT_ATTR, 0);
  in.type = RKNN_TENSOR_UINT8;
  in.fmt = RKNN_TENSOR_NHWC;
  out.type = RKNN_TENSOR_FLOAT32;
  rknn_tensor_mem* in_mem = rknn_create_mem(c, in.size_with_stride);
  rknn_tensor_mem* out_mem = rknn_create_mem2(c, out.n_elems * sizeof(float), RKNN_FLAG_MEMORY_CACHEABLE);
  REQUIRE(in_mem && out_mem && in_mem->virt_addr && out_mem->size == kClasses * sizeof(float));
  for (int y = 0; y < kSide; ++y) memcpy((char*)in_mem->virt_addr + (size_t)y * in.w_stride, image + y * kSide, kSide);
  CHECK_CODE(rknn_set_io_mem(c, in_mem, &in), RKNN_SUCC);
  CHECK_CODE(rknn_set_io_mem(c, out_mem, &out), RKNN_SUCC);
  CHECK_CODE(rknn_mem_sync(c, in_mem, RKNN_MEMORY_SYNC_TO_DEVICE), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  CHECK_CODE(rknn_mem_sync(c, out_mem, RKNN_MEMORY_SYNC_FROM_DEVICE), RKNN_SUCC);
  CHECK(memcmp(out_mem->virt_addr, want, kClasses * sizeof(float)) == 0);

  /* The same memory through its descriptor, with and without a mapping of the caller's. */
  for (int mapped = 0; mapped < 2; ++mapped) {
    memset(out_mem->virt_addr, 0, out_mem->size);
    rknn_tensor_mem* alias = rknn_create_mem_from_fd(c, in_mem->fd, mapped ? in_mem->virt_addr : NULL, in_mem->size, 0);
    REQUIRE(alias && alias->fd == in_mem->fd);
    CHECK_CODE(rknn_set_io_mem(c, alias, &in), RKNN_SUCC);
    CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
    CHECK(memcmp(out_mem->virt_addr, want, kClasses * sizeof(float)) == 0);
    CHECK_CODE(rknn_destroy_mem(c, alias), RKNN_SUCC);
  }
  /* Memory of the library's that is bound stays valid for the context when its handle goes. */
  CHECK_CODE(rknn_set_io_mem(c, in_mem, &in), RKNN_SUCC);
  CHECK_CODE(rknn_destroy_mem(c, in_mem), RKNN_SUCC);
  CHECK_CODE(rknn_run(c, NULL), RKNN_SUCC);
  CHECK(memcmp(out_mem->virt_addr, want, kClasses * sizeof(float)) == 0);
  CHECK_CODE(rknn_destroy_mem(c, out_mem), RKNN_SUCC);
}

static void check_perf(rknn_context c) {
  rknn_perf_run run = {0};
  CHECK_CODE(rknn_query(c, RKNN_QUERY_PERF_RUN, &run, sizeof run), RKNN_SUCC);
  CHECK(run.run_duration > 0 && run.run_duration < 10000000);
  rknn_perf_detail detail = {0};
  CHECK_CODE(rknn_query(c, RKNN_QUERY_PERF_DETAIL, &detail, sizeof detail), RKNN_SUCC);
  REQUIRE(detail.perf_data && strlen(detail.perf_data) == detail.data_len);
  const char* row = detail.perf_data;
  for (int i = 0; i < 5; ++i) row = strchr(row, '\n') + 1;
  char type[64], dtype[16], target[16];
  int id = 0, layers = 0;
  for (; *row != '-'; row = strchr(row, '\n') + 1, ++layers)
    CHECK(sscanf(row, "%d %63s %15s %15s", &id, type, dtype, target) == 4 && id == layers + 1);
  CHECK(layers > 5);
  CHECK(strstr(row, "\nTotal Operator Elapsed Per Frame Time(us): "));
  CHECK(strstr(row, "\nTotal Memory Read/Write Per Frame Size(KB): "));
  CHECK(strstr(row, "\nTotal "));
}

int main(int argc, char** argv) {
  REQUIRE(argc == 2);
  uint32_t size = 0;
  void* bytes = read_file(argv[1], &size);
  rknn_context from_memory = 0, from_file = 0, copy = 0;
  CHECK_CODE(rknn_init(&from_memory, bytes, size, RKNN_FLAG_COLLECT_PERF_MASK, NULL), RKNN_SUCC);
  memset(bytes, 0, size); /* the library has its own copy */
  free(bytes);
  CHECK_CODE(rknn_init(&from_file, argv[1], 0, 0, NULL), RKNN_SUCC);
  CHECK_CODE(rknn_dup_context(&from_file, &copy), RKNN_SUCC);
  REQUIRE(from_memory && from_file && copy && from_memory != from_file && copy != from_file);
  check_attributes(from_memory);
  check_attributes(copy);
  CHECK_CODE(rknn_set_core_mask(from_file, RKNN_NPU_CORE_0), RKNN_SUCC);
  CHECK_CODE(rknn_set_core_mask(copy, RKNN_NPU_CORE_ALL), RKNN_SUCC);

  float logits[kClasses], again[kClasses];
  unsigned char image[kPixels];
  int right = 0;
  for (int d = 0; d < 10; ++d) {
    draw_digit(d, image);
    run_copy(from_memory, image, logits);
    right += best(logits) == d;
    run_copy(from_file, image, again);
    CHECK(memcmp(logits, again, sizeof logits) == 0);
    check_copies(copy, image, logits);
    check_pass_through(from_memory, image, logits);
    check_io_mem(from_file, image, logits);
  }
  printf("%d of 10 digits right\n", right);
  CHECK(right == 10);
  check_perf(from_memory);
  /* Without the flag there is a table without layers. */
  rknn_perf_detail detail = {0};
  CHECK_CODE(rknn_query(from_file, RKNN_QUERY_PERF_DETAIL, &detail, sizeof detail), RKNN_SUCC);
  CHECK(detail.perf_data && strstr(detail.perf_data, "Total Operator Elapsed Per Frame Time(us): 0\n"));

  CHECK_CODE(rknn_destroy(from_file), RKNN_SUCC); /* the copy lives on */
  run_copy(copy, image, again);
  CHECK(memcmp(logits, again, sizeof logits) == 0);
  CHECK_CODE(rknn_destroy(copy), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(from_memory), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(from_memory), RKNN_ERR_CTX_INVALID);
  return report();
}
