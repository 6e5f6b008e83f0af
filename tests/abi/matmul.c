/* Matrix multiplication through the C interface, as programs for the vendor's library use it. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi/rknn.h"
#include "check.h"

static uint32_t next_random(void) {
  static uint32_t state = 12345;
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

static void fill(int8_t* values, size_t count, int low, int high) {
  for (size_t i = 0; i < count; ++i) values[i] = (int8_t)(low + (int)(next_random() % (uint32_t)(high - low + 1)));
}

static int32_t dot(const int8_t* a, const int8_t* b, int m, int n, int k_all, int n_all) {
  int32_t sum = 0;
  for (int k = 0; k < k_all; ++k) sum += a[m * k_all + k] * b[k * n_all + n];
  return sum;
}

/* Two values of -8..7 to a byte, the first one low. */
static void pack_int4(const int8_t* values, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; i += 2) out[i / 2] = (uint8_t)((values[i] & 15) | (values[i + 1] & 15) << 4);
}

static rknn_matmul_info info_of(rknn_matmul_type type, int m, int k, int n) {
  rknn_matmul_info info;
  memset(&info, 0, sizeof info);
  info.M = m, info.K = k, info.N = n;
  info.type = type;
  return info;
}

typedef struct {
  rknn_matmul_ctx ctx;
  rknn_matmul_io_attr attr;
  rknn_tensor_mem *a, *b, *c;
} Product;

static int open_product(Product* p, rknn_matmul_info* info) {
  memset(p, 0, sizeof *p);
  const int ret = rknn_matmul_create(&p->ctx, info, &p->attr);
  if (ret != RKNN_SUCC) return ret;
  p->a = rknn_create_mem(p->ctx, p->attr.A.size);
  p->b = rknn_create_mem(p->ctx, p->attr.B.size);
  p->c = rknn_create_mem(p->ctx, p->attr.C.size);
  CHECK(p->a && p->b && p->c);
  CHECK_CODE(rknn_matmul_set_io_mem(p->ctx, p->a, &p->attr.A), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_set_io_mem(p->ctx, p->b, &p->attr.B), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_set_io_mem(p->ctx, p->c, &p->attr.C), RKNN_SUCC);
  return RKNN_SUCC;
}

static void close_product(Product* p) {
  CHECK_CODE(rknn_destroy_mem(p->ctx, p->a), RKNN_SUCC);
  CHECK_CODE(rknn_destroy_mem(p->ctx, p->b), RKNN_SUCC);
  CHECK_CODE(rknn_destroy_mem(p->ctx, p->c), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_destroy(p->ctx), RKNN_SUCC);
}

static void set_quant(rknn_matmul_ctx ctx, const rknn_matmul_tensor_attr* attr, float* scale, int scale_len,
                      int32_t* zp, int zp_len) {
  rknn_quant_params params;
  memcpy(params.name, attr->name, RKNN_MAX_NAME_LEN);
  params.scale = scale, params.scale_len = scale_len;
  params.zp = zp, params.zp_len = zp_len;
  CHECK_CODE(rknn_matmul_set_quant_params(ctx, &params), RKNN_SUCC);
}

enum { M = 4, K = 96, N = 64 };
static int8_t a_values[M * K], b_values[K * N];

static void test_normal_int32(void) {
  rknn_matmul_info info = info_of(RKNN_INT8_MM_INT8_TO_INT32, M, K, N);
  Product p;
  CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
  CHECK(strcmp(p.attr.A.name, "A") == 0 && strcmp(p.attr.B.name, "B") == 0 && strcmp(p.attr.C.name, "C") == 0);
  CHECK(p.attr.A.n_dims == 2 && p.attr.A.dims[0] == M && p.attr.A.dims[1] == K && p.attr.A.dims[2] == 0);
  CHECK(p.attr.B.n_dims == 2 && p.attr.B.dims[0] == K && p.attr.B.dims[1] == N);
  CHECK(p.attr.C.n_dims == 2 && p.attr.C.dims[0] == M && p.attr.C.dims[1] == N);
  CHECK(p.attr.A.size == M * K && p.attr.B.size == K * N && p.attr.C.size == M * N * 4);
  CHECK(p.attr.A.type == RKNN_TENSOR_INT8 && p.attr.C.type == RKNN_TENSOR_INT32);
  memcpy(p.a->virt_addr, a_values, sizeof a_values);
  memcpy(p.b->virt_addr, b_values, sizeof b_values);
  CHECK_CODE(rknn_matmul_set_core_mask(p.ctx, RKNN_NPU_CORE_AUTO), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_set_core_mask(p.ctx, RKNN_NPU_CORE_0_1_2), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_set_core_mask(p.ctx, (rknn_core_mask)5), RKNN_ERR_PARAM_INVALID);
  for (int loop = 0; loop < 3; ++loop) {
    CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
    CHECK_CODE(rknn_mem_sync(p.ctx, p.c, RKNN_MEMORY_SYNC_FROM_DEVICE), RKNN_SUCC);
  }
  const int32_t* c = p.c->virt_addr;
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) CHECK(c[m * N + n] == dot(a_values, b_values, m, n, K, N));
  close_product(&p);
}

static void test_native(void) {
  rknn_matmul_info info = info_of(RKNN_INT8_MM_INT8_TO_INT32, M, K, N);
  info.B_layout = RKNN_MM_LAYOUT_NATIVE;
  info.AC_layout = RKNN_MM_LAYOUT_NATIVE;
  Product p;
  CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
  CHECK(p.attr.A.n_dims == 3 && p.attr.A.dims[0] == K / 16 && p.attr.A.dims[1] == M && p.attr.A.dims[2] == 16);
  CHECK(p.attr.B.n_dims == 4 && p.attr.B.dims[0] == N / 32 && p.attr.B.dims[1] == K / 32 && p.attr.B.dims[2] == 32 &&
        p.attr.B.dims[3] == 32);
  CHECK(p.attr.C.n_dims == 3 && p.attr.C.dims[0] == N / 4 && p.attr.C.dims[1] == M && p.attr.C.dims[2] == 4);
  int8_t* a = p.a->virt_addr;
  for (int m = 0; m < M; ++m)
    for (int k = 0; k < K; ++k) a[k / 16 * M * 16 + m * 16 + k % 16] = a_values[m * K + k];
  CHECK_CODE(rknn_B_normal_layout_to_native_layout(b_values, p.b->virt_addr, K, N, &info), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
  const int32_t* c = p.c->virt_addr;
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) CHECK(c[n / 4 * M * 4 + m * 4 + n % 4] == dot(a_values, b_values, m, n, K, N));
  close_product(&p);
}

static void test_int4(void) {
  static int8_t a4[M * K], b4[K * N];
  fill(a4, sizeof a4, -8, 7);
  fill(b4, sizeof b4, -8, 7);
  for (int layout = RKNN_MM_LAYOUT_NORM; layout <= RKNN_MM_LAYOUT_NATIVE; ++layout) {
    rknn_matmul_info info = info_of(RKNN_INT4_MM_INT4_TO_INT16, M, K, N);
    info.B_layout = (int16_t)layout;
    Product p;
    CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
    CHECK(p.attr.A.size == M * K / 2 && p.attr.B.size == K * N / 2 && p.attr.C.size == M * N * 2);
    CHECK(p.attr.B.type == RKNN_TENSOR_INT4 && p.attr.C.type == RKNN_TENSOR_INT16);
    static uint8_t packed[K * N / 2];
    pack_int4(a4, sizeof a4, p.a->virt_addr);
    pack_int4(b4, sizeof b4, packed);
    if (layout == RKNN_MM_LAYOUT_NORM) memcpy(p.b->virt_addr, packed, sizeof packed);
    else CHECK_CODE(rknn_B_normal_layout_to_native_layout(packed, p.b->virt_addr, K, N, &info), RKNN_SUCC);
    CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
    const int16_t* c = p.c->virt_addr;
    for (int m = 0; m < M; ++m)
      for (int n = 0; n < N; ++n) CHECK(c[m * N + n] == dot(a4, b4, m, n, K, N));
    close_product(&p);
  }
}

static void test_quantised_int8(void) {
  rknn_matmul_info info = info_of(RKNN_INT8_MM_INT8_TO_INT8, M, K, N);
  info.B_layout = RKNN_MM_LAYOUT_TP_NORM;
  info.AC_quant_type = RKNN_QUANT_TYPE_PER_LAYER_ASYM;
  Product p;
  CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
  CHECK(p.attr.B.dims[0] == N && p.attr.B.dims[1] == K);
  float sa = 0.2f, sb = 0.1f, sc = 40.0f;
  int32_t za = 3, zb = 0, zc = -5;
  set_quant(p.ctx, &p.attr.A, &sa, 1, &za, 1);
  set_quant(p.ctx, &p.attr.B, &sb, 1, &zb, 1);
  set_quant(p.ctx, &p.attr.C, &sc, 1, &zc, 1);
  memcpy(p.a->virt_addr, a_values, sizeof a_values);
  int8_t* b = p.b->virt_addr;
  for (int k = 0; k < K; ++k)
    for (int n = 0; n < N; ++n) b[n * K + k] = b_values[k * N + n];
  CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
  const int8_t* c = p.c->virt_addr;
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) {
      double sum = 0;
      for (int k = 0; k < K; ++k) sum += (a_values[m * K + k] - za) * b_values[k * N + n];
      const double exact = fmax(-128, fmin(127, sum * sa * sb / sc + zc));
      CHECK(fabs(c[m * N + n] - exact) <= 0.5 + 1e-9);
    }
  close_product(&p);
}

static void test_groups_and_channels(void) {
  enum { GROUP = 32 };
  rknn_matmul_info info = info_of(RKNN_INT8_MM_INT8_TO_FLOAT32, M, K, N);
  info.B_quant_type = RKNN_QUANT_TYPE_PER_GROUP_SYM;
  info.group_size = GROUP;
  Product p;
  CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
  static float scales[K / GROUP * N];
  for (int i = 0; i < K / GROUP * N; ++i) scales[i] = 0.01f + 0.001f * (float)(i % 17);
  set_quant(p.ctx, &p.attr.B, scales, K / GROUP * N, NULL, 0);
  memcpy(p.a->virt_addr, a_values, sizeof a_values);
  memcpy(p.b->virt_addr, b_values, sizeof b_values);
  CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
  const float* c = p.c->virt_addr;
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) {
      double sum = 0;
      for (int k = 0; k < K; ++k) sum += a_values[m * K + k] * b_values[k * N + n] * (double)scales[k / GROUP * N + n];
      CHECK(fabs(c[m * N + n] - sum) <= fabs(sum) * 1e-6 + 1e-9);
    }
  close_product(&p);

  info = info_of(RKNN_INT8_MM_INT8_TO_INT32, M, K, N);
  info.B_quant_type = RKNN_QUANT_TYPE_PER_CHANNEL_SYM;
  CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
  for (int n = 0; n < N; ++n) scales[n] = 0.5f / (float)(1 + n % 4);
  set_quant(p.ctx, &p.attr.B, scales, N, NULL, 0);
  memcpy(p.a->virt_addr, a_values, sizeof a_values);
  memcpy(p.b->virt_addr, b_values, sizeof b_values);
  CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
  rknn_quant_params params;
  memset(&params, 0, sizeof params);
  float unit = 0;
  CHECK_CODE(rknn_matmul_get_quant_params(p.ctx, &params, &unit), RKNN_SUCC);
  CHECK(unit == 0.5f && params.scale_len == N && params.scale && params.scale[1] == 0.25f);
  const int32_t* units = p.c->virt_addr;
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n)
      CHECK(fabs(units[m * N + n] * (double)unit - dot(a_values, b_values, m, n, K, N) * (double)scales[n]) <=
            unit / 2);
  close_product(&p);
}

static void test_dynamic_shapes(void) {
  rknn_matmul_shape shapes[] = {{1, K, N}, {M, K, N}, {3, K, N}};
  rknn_matmul_info info = info_of(RKNN_INT8_MM_INT8_TO_INT32, 0, 0, 0);
  rknn_matmul_io_attr attrs[3];
  rknn_matmul_ctx ctx = 0;
  CHECK_CODE(rknn_matmul_create_dynamic_shape(&ctx, &info, 0, shapes, attrs), RKNN_ERR_PARAM_INVALID);
  CHECK(ctx == 0);
  CHECK_CODE(rknn_matmul_create_dynamic_shape(&ctx, &info, 3, shapes, attrs), RKNN_SUCC);
  CHECK(attrs[0].A.size == K && attrs[1].A.size == M * K && attrs[2].C.dims[0] == 3);
  rknn_tensor_mem* a = rknn_create_mem(ctx, attrs[1].A.size);
  rknn_tensor_mem* b = rknn_create_mem(ctx, attrs[1].B.size);
  rknn_tensor_mem* c = rknn_create_mem(ctx, attrs[1].C.size);
  memcpy(a->virt_addr, a_values, sizeof a_values);
  memcpy(b->virt_addr, b_values, sizeof b_values);
  CHECK_CODE(rknn_matmul_set_dynamic_shape(ctx, &shapes[0]), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_set_io_mem(ctx, b, &attrs[0].B), RKNN_SUCC);
  for (int s = 0; s < 3; ++s) {
    CHECK_CODE(rknn_matmul_set_dynamic_shape(ctx, &shapes[s]), RKNN_SUCC);
    CHECK_CODE(rknn_matmul_set_io_mem(ctx, a, &attrs[s].A), RKNN_SUCC);
    CHECK_CODE(rknn_matmul_set_io_mem(ctx, c, &attrs[s].C), RKNN_SUCC);
    memset(c->virt_addr, 0x77, c->size);
    CHECK_CODE(rknn_matmul_run(ctx), RKNN_SUCC);
    const int32_t* values = c->virt_addr;
    for (int m = 0; m < M; ++m)
      for (int n = 0; n < N; ++n)
        CHECK(values[m * N + n] == (m < shapes[s].M ? dot(a_values, b_values, m, n, K, N) : 0x77777777));
  }
  rknn_matmul_shape unknown = {2, K, N};
  CHECK_CODE(rknn_matmul_set_dynamic_shape(ctx, &unknown), RKNN_ERR_PARAM_INVALID);
  rknn_destroy_mem(ctx, a), rknn_destroy_mem(ctx, b), rknn_destroy_mem(ctx, c);
  CHECK_CODE(rknn_matmul_destroy(ctx), RKNN_SUCC);
}

static void test_chips(void) {
  rknn_matmul_info info = info_of(RKNN_FLOAT16_MM_FLOAT16_TO_FLOAT32, M, 48, 24);
  info.B_layout = info.AC_layout = RKNN_MM_LAYOUT_NATIVE;
  Product p;
  CHECK_CODE(open_product(&p, &info), RKNN_ERR_PARAM_INVALID); /* K and N of RK3588 */
  setenv("EZ_RKNN_MATMUL_CHIP", "rk3566", 1);
  CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
  CHECK(p.attr.A.dims[0] == 12 && p.attr.A.dims[2] == 4 && p.attr.B.dims[0] == 3 && p.attr.B.dims[1] == 3 &&
        p.attr.B.dims[2] == 8 && p.attr.B.dims[3] == 16 && p.attr.C.dims[2] == 4);
  CHECK_CODE(rknn_matmul_set_core_mask(p.ctx, RKNN_NPU_CORE_0), RKNN_ERR_TARGET_PLATFORM_UNMATCH);
  for (size_t i = 0; i < p.a->size / 2; ++i) ((uint16_t*)p.a->virt_addr)[i] = 0x3e00; /* 1.5 */
  for (size_t i = 0; i < p.b->size / 2; ++i) ((uint16_t*)p.b->virt_addr)[i] = 0xc000; /* -2 */
  CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
  for (int i = 0; i < M * 24; ++i) CHECK(((float*)p.c->virt_addr)[i] == -144.0f);
  close_product(&p);
  setenv("EZ_RKNN_MATMUL_CHIP", "rk3399", 1);
  CHECK_CODE(open_product(&p, &info), RKNN_ERR_PARAM_INVALID);
  unsetenv("EZ_RKNN_MATMUL_CHIP");
}

static void test_refusals(void) {
  rknn_matmul_info info = info_of(RKNN_INT8_MM_INT8_TO_INT32, M, K, N);
  rknn_matmul_io_attr attr;
  rknn_matmul_ctx ctx = 1;
  CHECK_CODE(rknn_matmul_create(NULL, &info, &attr), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_matmul_create(&ctx, NULL, &attr), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_matmul_create(&ctx, &info, NULL), RKNN_ERR_PARAM_INVALID);
#define REFUSED(field, value)                                                  \
  do {                                                                         \
    rknn_matmul_info bad = info;                                               \
    bad.field = (value);                                                       \
    CHECK_CODE(rknn_matmul_create(&ctx, &bad, &attr), RKNN_ERR_PARAM_INVALID); \
    CHECK(ctx == 0);                                                           \
  } while (0)
  REFUSED(M, 0);
  REFUSED(M, -4);
  REFUSED(K, 33);
  REFUSED(N, 16);
  REFUSED(N, INT32_MAX);
  REFUSED(type, (rknn_matmul_type)13);
  REFUSED(type, (rknn_matmul_type)0);
  REFUSED(B_layout, 3);
  REFUSED(B_layout, -1);
  REFUSED(AC_layout, 2);
  REFUSED(B_quant_type, 6);
  REFUSED(AC_quant_type, 2);
  REFUSED(B_quant_type, RKNN_QUANT_TYPE_PER_GROUP_SYM); /* group_size 0 */

  rknn_quant_params params;
  memset(&params, 0, sizeof params);
  params.name[0] = 'B';
  float scale = 1;
  rknn_matmul_shape shape = {M, K, N};
  for (int round = 0; round < 3; ++round) { /* 0, never given out, destroyed */
    const rknn_matmul_ctx bad = round == 0 ? 0 : round == 1 ? 0xdeadbeef : ctx;
    CHECK_CODE(rknn_matmul_run(bad), RKNN_ERR_CTX_INVALID);
    CHECK_CODE(rknn_matmul_set_core_mask(bad, RKNN_NPU_CORE_AUTO), RKNN_ERR_CTX_INVALID);
    CHECK_CODE(rknn_matmul_set_quant_params(bad, &params), RKNN_ERR_CTX_INVALID);
    CHECK_CODE(rknn_matmul_get_quant_params(bad, &params, &scale), RKNN_ERR_CTX_INVALID);
    CHECK_CODE(rknn_matmul_set_dynamic_shape(bad, &shape), RKNN_ERR_CTX_INVALID);
    CHECK_CODE(rknn_matmul_set_io_mem(bad, NULL, &attr.A), RKNN_ERR_CTX_INVALID);
    CHECK_CODE(rknn_matmul_destroy(bad), RKNN_ERR_CTX_INVALID);
    CHECK(rknn_create_mem(bad, 64) == NULL);
    if (round == 1) {
      CHECK_CODE(rknn_matmul_create(&ctx, &info, &attr), RKNN_SUCC);
      CHECK_CODE(rknn_destroy(ctx), RKNN_ERR_CTX_INVALID);
      CHECK_CODE(rknn_run(ctx, NULL), RKNN_ERR_CTX_INVALID);
      CHECK_CODE(rknn_matmul_destroy(ctx), RKNN_SUCC);
    }
  }

  Product p;
  CHECK_CODE(open_product(&p, &info), RKNN_SUCC);
  rknn_matmul_tensor_attr bad = p.attr.A;
  strcpy(bad.name, "D");
  CHECK_CODE(rknn_matmul_set_io_mem(p.ctx, p.a, &bad), RKNN_ERR_PARAM_INVALID);
  memset(bad.name, 'A', sizeof bad.name); /* no terminator */
  CHECK_CODE(rknn_matmul_set_io_mem(p.ctx, p.a, &bad), RKNN_ERR_PARAM_INVALID);
  bad = p.attr.A;
  bad.size *= 2;
  CHECK_CODE(rknn_matmul_set_io_mem(p.ctx, p.a, &bad), RKNN_ERR_PARAM_INVALID);
  bad = p.attr.A;
  bad.type = RKNN_TENSOR_FLOAT32;
  CHECK_CODE(rknn_matmul_set_io_mem(p.ctx, p.a, &bad), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_matmul_set_io_mem(p.ctx, NULL, &p.attr.A), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_matmul_set_io_mem(p.ctx, p.a, NULL), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_matmul_set_io_mem(p.ctx, p.a, &p.attr.C), RKNN_ERR_PARAM_INVALID); /* too small */
  CHECK_CODE(rknn_matmul_set_quant_params(p.ctx, &params), RKNN_ERR_PARAM_INVALID);  /* no scale */
  params.scale = &scale;
  params.scale_len = -1;
  CHECK_CODE(rknn_matmul_set_quant_params(p.ctx, &params), RKNN_ERR_PARAM_INVALID);
  params.scale_len = 2;
  CHECK_CODE(rknn_matmul_set_quant_params(p.ctx, &params), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_matmul_get_quant_params(p.ctx, NULL, NULL), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_B_normal_layout_to_native_layout(NULL, b_values, K, N, &info), RKNN_ERR_PARAM_INVALID);
  CHECK_CODE(rknn_B_normal_layout_to_native_layout(b_values, b_values, 31, N, &info), RKNN_ERR_PARAM_INVALID);
  /* Memory that is destroyed stays until the context lets go of it. */
  CHECK_CODE(rknn_destroy_mem(p.ctx, p.b), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_run(p.ctx), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_destroy(p.ctx), RKNN_SUCC);
  rknn_destroy_mem(p.ctx, p.a);
  rknn_destroy_mem(p.ctx, p.c);

  CHECK_CODE(rknn_matmul_create(&ctx, &info, &attr), RKNN_SUCC);
  CHECK_CODE(rknn_matmul_run(ctx), RKNN_ERR_PARAM_INVALID); /* no memory */
  CHECK_CODE(rknn_matmul_destroy(ctx), RKNN_SUCC);
}

int main(void) {
  fill(a_values, sizeof a_values, -128, 127);
  fill(b_values, sizeof b_values, -128, 127);
  test_normal_int32();
  test_native();
  test_int4();
  test_quantised_int8();
  test_groups_and_channels();
  test_dynamic_shapes();
  test_chips();
  test_refusals();
  return report();
}
