/* Wrong arguments to every function: a code and a text, never a crash.
 *
 * usage: arguments MODELS_FOLDER */
#include <string.h>

#include "abi/extensions.h"
#include "abi/rknn.h"
#include "check.h"

enum { kPixels = 32 * 32, kClasses = 10 };

static char digits[1024], single_core[1024], two_cores[1024];

static const char* last_error(void) {
  static char text[512];
  CHECK_CODE(rknn_query(0, (rknn_query_cmd)EZ_RKNN_QUERY_LAST_ERROR, text, sizeof text), RKNN_SUCC);
  return text;
}

/* A call that must fail with `code` and a text that says `part`. */
#define FAILS(call, code, part)                                                                            \
  do {                                                                                                     \
    CHECK_CODE(call, code);                                                                                \
    ++checks_done;                                                                                         \
    if (!strstr(last_error(), part)) {                                                                     \
      ++checks_failed;                                                                                     \
      fprintf(stderr, "%s:%d: text \"%s\" does not say \"%s\"\n", __FILE__, __LINE__, last_error(), part); \
    }                                                                                                      \
  } while (0)

static void check_init(void) {
  rknn_context c = 7, copy = 7;
  FAILS(rknn_init(NULL, digits, 0, 0, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_init(&c, NULL, 0, 0, NULL), RKNN_ERR_PARAM_INVALID, "path");
  CHECK(c == 0);
  FAILS(rknn_init(&c, NULL, 100, 0, NULL), RKNN_ERR_PARAM_INVALID, "model");
  FAILS(rknn_init(&c, "/no/such/model.rknn", 0, 0, NULL), RKNN_ERR_FAIL, "/no/such/model.rknn");
  FAILS(rknn_init(&c, "/tmp", 0, 0, NULL), RKNN_ERR_FAIL, "/tmp");
  unsigned char bytes[4096] = {0};
  FAILS(rknn_init(&c, bytes, sizeof bytes, 0, NULL), RKNN_ERR_MODEL_INVALID, "");
  memcpy(bytes, "RKNN", 4);
  CHECK_CODE(rknn_init(&c, bytes, sizeof bytes, 0, NULL), RKNN_ERR_TARGET_PLATFORM_UNMATCH); /* format version 0 */
  bytes[8] = 6;
  for (uint32_t n = 1; n < sizeof bytes; n += 61) CHECK_CODE(rknn_init(&c, bytes, n, 0, NULL), RKNN_ERR_MODEL_INVALID);
  memcpy(bytes, "RKNX", 4);
  CHECK_CODE(rknn_init(&c, bytes, sizeof bytes, 0, NULL), RKNN_ERR_TARGET_PLATFORM_UNMATCH);
  rknn_init_extend extend;
  memset(&extend, 0, sizeof extend);
  extend.real_model_offset = -1;
  FAILS(rknn_init(&c, digits, 0, 0, &extend), RKNN_ERR_PARAM_INVALID, "real_model_offset");
  extend.real_model_offset = 1 << 30;
  FAILS(rknn_init(&c, digits, 0, 0, &extend), RKNN_ERR_PARAM_INVALID, "real_model_offset");
  extend.real_model_offset = 0;
  extend.real_model_size = 1u << 31;
  FAILS(rknn_init(&c, digits, 0, 0, &extend), RKNN_ERR_PARAM_INVALID, "real_model_size");
  extend.real_model_size = 0;
  FAILS(rknn_init(&c, digits, 0, RKNN_FLAG_SHARE_WEIGHT_MEM, NULL), RKNN_ERR_PARAM_INVALID, "rknn_init_extend");
  extend.ctx = 42;
  FAILS(rknn_init(&c, digits, 0, RKNN_FLAG_SHARE_WEIGHT_MEM, &extend), RKNN_ERR_CTX_INVALID, "42");
  CHECK(c == 0);
  FAILS(rknn_dup_context(NULL, &copy), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_dup_context(&c, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_dup_context(&c, &copy), RKNN_ERR_CTX_INVALID, "context");
}

/* Every function that takes a context, given one that does not exist. */
static void check_context(rknn_context c) {
  char info[64];
  rknn_input in = {0};
  rknn_output out = {0};
  rknn_tensor_attr attr;
  memset(&attr, 0, sizeof attr);
  rknn_custom_op op;
  memset(&op, 0, sizeof op);
  rknn_tensor_mem mem;
  memset(&mem, 0, sizeof mem);
  FAILS(rknn_destroy(c), RKNN_ERR_CTX_INVALID, "context");
  CHECK_CODE(rknn_query(c, RKNN_QUERY_IN_OUT_NUM, info, sizeof info), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_inputs_set(c, 1, &in), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_run(c, NULL), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_wait(c, NULL), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_outputs_get(c, 1, &out, NULL), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_outputs_release(c, 1, &out), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_set_core_mask(c, RKNN_NPU_CORE_AUTO), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_set_batch_core_num(c, 1), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_set_io_mem(c, &mem, &attr), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_set_weight_mem(c, &mem), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_set_internal_mem(c, &mem), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_set_input_shape(c, &attr), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_set_input_shapes(c, 1, &attr), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_mem_sync(c, &mem, RKNN_MEMORY_SYNC_TO_DEVICE), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_destroy_mem(c, &mem), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(rknn_register_custom_ops(c, &op, 1), RKNN_ERR_CTX_INVALID);
  CHECK(rknn_create_mem(c, 64) == NULL);
  CHECK(rknn_create_mem2(c, 64, 0) == NULL);
  CHECK(rknn_create_mem_from_fd(c, 0, info, 64, 0) == NULL);
  CHECK(rknn_create_mem_from_phys(c, 0, info, 64) == NULL);
  CHECK(rknn_create_mem_from_mb_blk(c, info, 0) == NULL);
  CHECK(strstr(last_error(), "rknn_create_mem_from_mb_blk: context"));
}

static void check_query(rknn_context c) {
  struct {
    rknn_query_cmd command;
    uint32_t size;
  } queries[] = {{RKNN_QUERY_IN_OUT_NUM, sizeof(rknn_input_output_num)},
                 {RKNN_QUERY_INPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_OUTPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_PERF_DETAIL, sizeof(rknn_perf_detail)},
                 {RKNN_QUERY_PERF_RUN, sizeof(rknn_perf_run)},
                 {RKNN_QUERY_SDK_VERSION, sizeof(rknn_sdk_version)},
                 {RKNN_QUERY_MEM_SIZE, sizeof(rknn_mem_size)},
                 {RKNN_QUERY_CUSTOM_STRING, sizeof(rknn_custom_string)},
                 {RKNN_QUERY_NATIVE_INPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_NATIVE_OUTPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_NATIVE_NHWC_INPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_NATIVE_NHWC_OUTPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_DEVICE_MEM_INFO, sizeof(rknn_tensor_mem)},
                 {RKNN_QUERY_CURRENT_INPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_CURRENT_OUTPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_CURRENT_NATIVE_INPUT_ATTR, sizeof(rknn_tensor_attr)},
                 {RKNN_QUERY_CURRENT_NATIVE_OUTPUT_ATTR, sizeof(rknn_tensor_attr)}};
  for (unsigned i = 0; i < sizeof queries / sizeof *queries; ++i) {
    /* Exactly the struct's bytes, so that a write beyond them is caught by a sanitizer; one fewer is refused. */
    unsigned char* info = calloc(1, queries[i].size);
    CHECK_CODE(rknn_query(c, queries[i].command, info, queries[i].size), RKNN_SUCC);
    CHECK_CODE(rknn_query(c, queries[i].command, info, queries[i].size - 1), RKNN_ERR_PARAM_INVALID);
    FAILS(rknn_query(c, queries[i].command, info, 0), RKNN_ERR_PARAM_INVALID, "0 bytes");
    FAILS(rknn_query(c, queries[i].command, NULL, queries[i].size), RKNN_ERR_PARAM_INVALID, "NULL");
    if (queries[i].size == sizeof(rknn_tensor_attr)) {
      ((rknn_tensor_attr*)info)->index = 1;
      FAILS(rknn_query(c, queries[i].command, info, queries[i].size), RKNN_ERR_PARAM_INVALID, "put 1 does not exist");
      ((rknn_tensor_attr*)info)->index = 0xffffffffu;
      CHECK_CODE(rknn_query(c, queries[i].command, info, queries[i].size), RKNN_ERR_PARAM_INVALID);
    }
    free(info);
  }
  rknn_tensor_attr attr;
  memset(&attr, 0, sizeof attr);
  FAILS(rknn_query(c, RKNN_QUERY_INPUT_ATTR, &attr, 372), RKNN_ERR_PARAM_INVALID, "372");
  FAILS(rknn_query(c, RKNN_QUERY_CMD_MAX, &attr, sizeof attr), RKNN_ERR_PARAM_INVALID, "18");
  FAILS(rknn_query(c, (rknn_query_cmd)0x7fffffff, &attr, sizeof attr), RKNN_ERR_PARAM_INVALID, "unknown");
  rknn_input_range* range = calloc(1, sizeof *range);
  FAILS(rknn_query(c, RKNN_QUERY_INPUT_DYNAMIC_RANGE, range, sizeof *range), RKNN_ERR_MODEL_INVALID, "one shape");
  free(range);
  char one = 'x';
  CHECK_CODE(rknn_query(0, (rknn_query_cmd)EZ_RKNN_QUERY_LAST_ERROR, &one, 1), RKNN_SUCC);
  CHECK(one == '\0');
  CHECK_CODE(rknn_query(0, (rknn_query_cmd)EZ_RKNN_QUERY_LAST_ERROR, NULL, 10), RKNN_ERR_PARAM_INVALID);
}

static void check_run(rknn_context c) {
  static float image[kPixels], logits[kClasses];
  const rknn_input good = {.buf = image, .size = sizeof image, .type = RKNN_TENSOR_FLOAT32, .fmt = RKNN_TENSOR_NHWC};
  rknn_output out = {.want_float = 1, .is_prealloc = 1, .buf = logits, .size = sizeof logits};
  FAILS(rknn_run(c, NULL), RKNN_ERR_INPUT_INVALID, "image");
  FAILS(rknn_outputs_get(c, 1, &out, NULL), RKNN_ERR_OUTPUT_INVALID, "nothing has been run");
  FAILS(rknn_wait(c, NULL), RKNN_ERR_FAIL, "nothing has been run");
  FAILS(rknn_inputs_set(c, 0, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  rknn_input in[2] = {good, good};
  FAILS(rknn_inputs_set(c, 0, in), RKNN_ERR_PARAM_INVALID, "0 inputs");
  FAILS(rknn_inputs_set(c, 2, in), RKNN_ERR_PARAM_INVALID, "2 inputs");
  in[0].index = 1;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "input 1");
  in[0] = good;
  in[0].buf = NULL;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "NULL");
  in[0] = good;
  in[0].size -= 1;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "4095 bytes");
  in[0] = good;
  in[0].type = RKNN_TENSOR_INT64; /* the size is measured with the caller's type */
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "8192");
  in[0] = good;
  in[0].pass_through = 1; /* also here: type FLOAT32 asks for four bytes an element */
  in[0].size = kPixels;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "1024 bytes");
  in[0].type = RKNN_TENSOR_INT8;
  CHECK_CODE(rknn_inputs_set(c, 1, in), RKNN_SUCC);
  in[0] = good;
  in[0].type = RKNN_TENSOR_INT4;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "INT4");
  in[0].type = (rknn_tensor_type)99;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "type 99");
  in[0] = good;
  in[0].fmt = RKNN_TENSOR_NC1HWC2;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "NC1HWC2");
  in[0].fmt = (rknn_tensor_format)77;
  FAILS(rknn_inputs_set(c, 1, in), RKNN_ERR_PARAM_INVALID, "77");
  in[0] = good;
  CHECK_CODE(rknn_inputs_set(c, 1, in), RKNN_SUCC);
  rknn_run_extend run = {.non_block = 1, .timeout_ms = 1};
  CHECK_CODE(rknn_run(c, &run), RKNN_SUCC);
  CHECK_CODE(rknn_wait(c, &run), RKNN_SUCC);

  FAILS(rknn_outputs_get(c, 0, &out, NULL), RKNN_ERR_PARAM_INVALID, "0 outputs");
  FAILS(rknn_outputs_get(c, 5, &out, NULL), RKNN_ERR_PARAM_INVALID, "5 outputs");
  FAILS(rknn_outputs_get(c, 1, NULL, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  rknn_output bad = out;
  bad.index = 3;
  FAILS(rknn_outputs_get(c, 1, &bad, NULL), RKNN_ERR_PARAM_INVALID, "output 3");
  bad = out;
  bad.buf = NULL;
  FAILS(rknn_outputs_get(c, 1, &bad, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  bad = out;
  bad.size -= 1;
  FAILS(rknn_outputs_get(c, 1, &bad, NULL), RKNN_ERR_PARAM_INVALID, "39");
  CHECK_CODE(rknn_outputs_get(c, 1, &out, NULL), RKNN_SUCC);
  /* After a failed get, and for memory that is not the library's, there is nothing to release. */
  bad = (rknn_output){.buf = logits};
  CHECK_CODE(rknn_outputs_release(c, 1, &bad), RKNN_SUCC);
  CHECK_CODE(rknn_outputs_release(c, 0, NULL), RKNN_SUCC);
  FAILS(rknn_outputs_release(c, 1, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
}

static void check_cores(rknn_context c) {
  const unsigned accepted[] = {0, 1, 2, 4, 3, 7, 0xffff}, refused[] = {5, 6, 8, 15, 0x10000, 0xffffffffu};
  for (unsigned i = 0; i < sizeof accepted / sizeof *accepted; ++i)
    CHECK_CODE(rknn_set_core_mask(c, (rknn_core_mask)accepted[i]), RKNN_SUCC);
  for (unsigned i = 0; i < sizeof refused / sizeof *refused; ++i)
    FAILS(rknn_set_core_mask(c, (rknn_core_mask)refused[i]), RKNN_ERR_PARAM_INVALID, "rk3588");
  for (int n = 1; n <= 3; ++n) CHECK_CODE(rknn_set_batch_core_num(c, n), RKNN_SUCC);
  for (int n = -1; n <= 4; n += 5) FAILS(rknn_set_batch_core_num(c, n), RKNN_ERR_PARAM_INVALID, "1 to 3");
  rknn_context other = 0;
  REQUIRE(rknn_init(&other, two_cores, 0, 0, NULL) == RKNN_SUCC);
  for (unsigned mask = 0; mask < 4; ++mask) CHECK_CODE(rknn_set_core_mask(other, (rknn_core_mask)mask), RKNN_SUCC);
  CHECK_CODE(rknn_set_core_mask(other, RKNN_NPU_CORE_ALL), RKNN_SUCC);
  FAILS(rknn_set_core_mask(other, RKNN_NPU_CORE_2), RKNN_ERR_PARAM_INVALID, "rk3576");
  FAILS(rknn_set_core_mask(other, RKNN_NPU_CORE_0_1_2), RKNN_ERR_PARAM_INVALID, "rk3576");
  CHECK_CODE(rknn_destroy(other), RKNN_SUCC);
  REQUIRE(rknn_init(&other, single_core, 0, 0, NULL) == RKNN_SUCC);
  for (unsigned mask = 0; mask < 4; ++mask)
    FAILS(rknn_set_core_mask(other, (rknn_core_mask)mask), RKNN_ERR_TARGET_PLATFORM_UNMATCH, "rk3566");
  CHECK_CODE(rknn_destroy(other), RKNN_SUCC);
}

static void check_memory(rknn_context c) {
  static char own[4096];
  CHECK(rknn_create_mem(c, 0) == NULL && strstr(last_error(), "0 bytes"));
  CHECK(rknn_create_mem2(c, 1ull << 40, 0) == NULL && strstr(last_error(), "2^32"));
  CHECK(rknn_create_mem_from_fd(c, -1, NULL, 64, 0) == NULL && strstr(last_error(), "neither"));
  CHECK(rknn_create_mem_from_fd(c, 12345, NULL, 64, 0) == NULL && strstr(last_error(), "12345"));
  CHECK(rknn_create_mem_from_fd(c, -1, own, 64, -1) == NULL && strstr(last_error(), "-1"));
  CHECK(rknn_create_mem_from_fd(c, -1, own, 0, 0) == NULL);
  CHECK(rknn_create_mem_from_phys(c, 0x1000, NULL, 64) == NULL && strstr(last_error(), "NULL"));
  CHECK(rknn_create_mem_from_mb_blk(c, own, 0) == NULL && strstr(last_error(), "media"));
  rknn_tensor_mem* mem = rknn_create_mem(c, kPixels);
  REQUIRE(mem && mem->virt_addr && mem->fd >= 0 && mem->offset == 0 && mem->size == kPixels);
  CHECK(mem->flags == RKNN_TENSOR_MEMORY_FLAGS_ALLOC_INSIDE);
  /* Beyond the end of what the descriptor holds. */
  CHECK(rknn_create_mem_from_fd(c, mem->fd, NULL, 1 << 20, 0) == NULL && strstr(last_error(), "holds"));
  CHECK(rknn_create_mem_from_fd(c, mem->fd, NULL, 64, 1 << 30) == NULL);
  CHECK(rknn_create_mem_from_fd(c, mem->fd, mem->virt_addr, 1 << 20, 0) == NULL && strstr(last_error(), "holds"));
  CHECK(rknn_create_mem_from_fd(c, 12345, own, 64, 0) == NULL && strstr(last_error(), "12345"));
  CHECK(rknn_create_mem2(c, 64, 3) == NULL && strstr(last_error(), "flags 3"));
  CHECK(rknn_create_mem2(c, 64, 8) == NULL && strstr(last_error(), "flags 8"));
  rknn_tensor_mem* part = rknn_create_mem_from_fd(c, mem->fd, NULL, 64, 960);
  REQUIRE(part && part->offset == 960 && part->flags == RKNN_TENSOR_MEMORY_FLAGS_FROM_FD);
  ((char*)mem->virt_addr)[970] = 42;
  CHECK(((char*)part->virt_addr + part->offset)[10] == 42);
  CHECK_CODE(rknn_destroy_mem(c, part), RKNN_SUCC);
  rknn_tensor_mem* detached = rknn_create_mem2(0, 100, RKNN_MEM_FLAG_ALLOC_NO_CONTEXT);
  CHECK(detached != NULL);
  CHECK_CODE(rknn_mem_sync(0, detached, RKNN_MEMORY_SYNC_BIDIRECTIONAL), RKNN_SUCC);
  CHECK_CODE(rknn_destroy_mem(0, detached), RKNN_SUCC);
  FAILS(rknn_destroy_mem(c, detached), RKNN_ERR_PARAM_INVALID, "destroyed already");
  FAILS(rknn_destroy_mem(c, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_mem_sync(c, NULL, RKNN_MEMORY_SYNC_TO_DEVICE), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_mem_sync(c, (rknn_tensor_mem*)own, RKNN_MEMORY_SYNC_TO_DEVICE), RKNN_ERR_PARAM_INVALID,
        "not created here");
  FAILS(rknn_mem_sync(c, mem, (rknn_mem_sync_mode)0), RKNN_ERR_PARAM_INVALID, "mode 0");
  FAILS(rknn_mem_sync(c, mem, (rknn_mem_sync_mode)4), RKNN_ERR_PARAM_INVALID, "mode 4");
  CHECK_CODE(rknn_set_weight_mem(c, mem), RKNN_SUCC);
  CHECK_CODE(rknn_set_internal_mem(c, mem), RKNN_SUCC);
  FAILS(rknn_set_weight_mem(c, NULL), RKNN_ERR_PARAM_INVALID, "NULL");

  rknn_tensor_attr good, attr;
  memset(&good, 0, sizeof good);
  REQUIRE(rknn_query(c, RKNN_QUERY_INPUT_ATTR, &good, sizeof good) == RKNN_SUCC);
  CHECK_CODE(rknn_set_io_mem(c, mem, &good), RKNN_SUCC);
  FAILS(rknn_set_io_mem(c, NULL, &good), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_set_io_mem(c, mem, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_set_io_mem(c, (rknn_tensor_mem*)own, &good), RKNN_ERR_PARAM_INVALID, "not created here");
  attr = good;
  attr.type = RKNN_TENSOR_FLOAT32;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "4096 bytes");
  attr = good;
  attr.type = (rknn_tensor_type)99;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "type 99");
  attr = good;
  attr.fmt = RKNN_TENSOR_NC1HWC2;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "NC1HWC2");
  attr.fmt = (rknn_tensor_format)9;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "format 9");
  attr = good;
  attr.w_stride = 31;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "31");
  attr.w_stride = 33;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "1056 bytes");
  attr.w_stride = attr.h_stride = 0xffffffffu;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "2^48");
  attr = good;
  memset(attr.name, 'x', sizeof attr.name); /* no end */
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "xxx");
  /* What a caller writes into the struct does not make the memory larger. */
  mem->size = 1 << 20;
  attr = good;
  attr.type = RKNN_TENSOR_FLOAT32;
  FAILS(rknn_set_io_mem(c, mem, &attr), RKNN_ERR_PARAM_INVALID, "1024");
  CHECK_CODE(rknn_destroy_mem(c, mem), RKNN_SUCC);
  FAILS(rknn_set_io_mem(c, mem, &good), RKNN_ERR_PARAM_INVALID, "destroyed already");
}

static void check_shapes(rknn_context c) {
  rknn_tensor_attr attr[2];
  memset(attr, 0, sizeof attr);
  REQUIRE(rknn_query(c, RKNN_QUERY_INPUT_ATTR, attr, sizeof *attr) == RKNN_SUCC);
  CHECK_CODE(rknn_set_input_shapes(c, 1, attr), RKNN_SUCC); /* the shape it has */
  CHECK_CODE(rknn_set_input_shape(c, attr), RKNN_SUCC);
  FAILS(rknn_set_input_shapes(c, 0, attr), RKNN_ERR_PARAM_INVALID, "0 input shapes");
  FAILS(rknn_set_input_shapes(c, 2, attr), RKNN_ERR_PARAM_INVALID, "2 input shapes");
  FAILS(rknn_set_input_shapes(c, 1, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_set_input_shape(c, NULL), RKNN_ERR_PARAM_INVALID, "NULL");
  attr[0].dims[1] = 64;
  FAILS(rknn_set_input_shapes(c, 1, attr), RKNN_ERR_FAIL, "[1, 32, 32, 1]");
  attr[0].n_dims = 17;
  FAILS(rknn_set_input_shapes(c, 1, attr), RKNN_ERR_PARAM_INVALID, "17");
  attr[0].n_dims = 0xffffffffu;
  CHECK_CODE(rknn_set_input_shapes(c, 1, attr), RKNN_ERR_PARAM_INVALID);
  attr[0].n_dims = 4;
  attr[0].index = 9;
  FAILS(rknn_set_input_shapes(c, 1, attr), RKNN_ERR_PARAM_INVALID, "input 9");
}

static int no_op(rknn_custom_op_context* o, rknn_custom_op_tensor* in, uint32_t n, rknn_custom_op_tensor* out,
                 uint32_t m) {
  (void)o, (void)in, (void)n, (void)out, (void)m;
  return 0;
}

static void check_custom(rknn_context c) {
  rknn_custom_op op;
  memset(&op, 0, sizeof op);
  FAILS(rknn_register_custom_ops(c, NULL, 1), RKNN_ERR_PARAM_INVALID, "NULL");
  FAILS(rknn_register_custom_ops(c, &op, 0), RKNN_ERR_PARAM_INVALID, "no operator");
  FAILS(rknn_register_custom_ops(c, &op, 1), RKNN_ERR_PARAM_INVALID, "op_type");
  memset(op.op_type, 'x', sizeof op.op_type);
  FAILS(rknn_register_custom_ops(c, &op, 1), RKNN_ERR_PARAM_INVALID, "op_type");
  strcpy(op.op_type, "cstUnused");
  op.target = RKNN_TARGET_TYPE_GPU;
  FAILS(rknn_register_custom_ops(c, &op, 1), RKNN_ERR_PARAM_INVALID, "target 2");
  op.target = RKNN_TARGET_TYPE_CPU;
  FAILS(rknn_register_custom_ops(c, &op, 1), RKNN_ERR_PARAM_INVALID, "compute");
  op.compute = no_op;
  CHECK_CODE(rknn_register_custom_ops(c, &op, 1), RKNN_SUCC);
  rknn_custom_op_context context;
  memset(&context, 0, sizeof context);
  rknn_custom_op_attr attr;
  memset(&attr, 0xff, sizeof attr);
  context.internal_ctx = 99;
  rknn_custom_op_get_op_attr(&context, "axis", &attr);
  CHECK(attr.n_elems == 0 && attr.data == NULL);
  rknn_custom_op_get_op_attr(NULL, "axis", &attr);
  rknn_custom_op_get_op_attr(&context, NULL, &attr);
  rknn_custom_op_get_op_attr(&context, "axis", NULL);
}

int main(int argc, char** argv) {
  REQUIRE(argc == 2);
  snprintf(digits, sizeof digits, "%s/digits/digits_i8.rknn", argv[1]);
  snprintf(single_core, sizeof single_core, "%s/fixtures/tiny_i8_rk3566.rknn", argv[1]);
  snprintf(two_cores, sizeof two_cores, "%s/fixtures/tiny_i8_rk3576.rknn", argv[1]);
  check_init();
  check_context(0);
  check_context(1);
  check_context(~(rknn_context)0);
  rknn_context c = 0;
  REQUIRE(rknn_init(&c, digits, 0, 0xffffffffu & ~(uint32_t)RKNN_FLAG_SHARE_WEIGHT_MEM, NULL) == RKNN_SUCC);
  check_query(c);
  check_run(c);
  check_cores(c);
  check_memory(c);
  check_shapes(c);
  check_custom(c);
  CHECK_CODE(rknn_destroy(c), RKNN_SUCC);
  check_context(c);
  return report();
}
