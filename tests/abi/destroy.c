/* Contexts are destroyed while others are at work: the one they were copied from, copies of theirs, strangers. Nobody
 * waits for a run that is not over, and no result changes.
 *
 * usage: destroy custom_operator_i8.rknn digits_i8.rknn digits_fp16.rknn */
#include <pthread.h>
#include <string.h>

#include "abi/rknn.h"
#include "check.h"
#include "digits.h"

enum { kRunners = 3, kDestroyers = 2, kRounds = 60, kPixels = 32 * 32, kClasses = 10 };
enum { kInputs = 3 * 6 * 6, kElements = 8 * 6 * 6 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void set(int* flag, int value) {
  pthread_mutex_lock(&mutex);
  *flag = value;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}
static int get(const int* flag) {
  pthread_mutex_lock(&mutex);
  const int value = *flag;
  pthread_mutex_unlock(&mutex);
  return value;
}
static void wait_for(const int* flag) {
  pthread_mutex_lock(&mutex);
  while (!*flag) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

static int classify(rknn_context c, int d, float logits[kClasses]) {
  unsigned char image[kPixels];
  draw_digit(d, image);
  rknn_input in = {.buf = image, .size = kPixels, .type = RKNN_TENSOR_UINT8, .fmt = RKNN_TENSOR_NHWC};
  int code = rknn_inputs_set(c, 1, &in);
  if (code == RKNN_SUCC) code = rknn_run(c, NULL);
  rknn_output out = {.want_float = 1, .is_prealloc = 1, .buf = logits, .size = kClasses * sizeof(float)};
  if (code == RKNN_SUCC) code = rknn_outputs_get(c, 1, &out, NULL);
  return code;
}

/* A run that is inside a custom operator until it is let go. */
static int inside = 0, let_go = 1;

static int on_compute(rknn_custom_op_context* op, rknn_custom_op_tensor* in, uint32_t n_in, rknn_custom_op_tensor* out,
                      uint32_t n_out) {
  (void)op, (void)n_in, (void)n_out;
  set(&inside, 1);
  wait_for(&let_go);
  const float* from = (const float*)((char*)in->mem.virt_addr + in->mem.offset);
  float* to = (float*)((char*)out->mem.virt_addr + out->mem.offset);
  for (int i = 0; i < kElements; ++i) to[i] = from[i] / 2;
  set(&inside, 0);
  return 0;
}

struct Held {
  rknn_context context;
  int code;
  float y[kElements];
};

static void* run_held(void* argument) {
  struct Held* h = argument;
  float x[kInputs];
  for (int i = 0; i < kInputs; ++i) x[i] = (float)((i * 37) % 101) / 50 - 1;
  rknn_input in = {.buf = x, .size = sizeof x, .type = RKNN_TENSOR_FLOAT32, .fmt = RKNN_TENSOR_NCHW};
  h->code = rknn_inputs_set(h->context, 1, &in);
  if (h->code == RKNN_SUCC) h->code = rknn_run(h->context, NULL);
  rknn_output out = {.want_float = 1, .is_prealloc = 1, .buf = h->y, .size = sizeof h->y};
  if (h->code == RKNN_SUCC) h->code = rknn_outputs_get(h->context, 1, &out, NULL);
  return NULL;
}

static rknn_context with_operator(rknn_context from) {
  rknn_context c = 0;
  REQUIRE(rknn_dup_context(&from, &c) == RKNN_SUCC);
  rknn_custom_op op;
  memset(&op, 0, sizeof op);
  op.version = 1;
  op.target = RKNN_TARGET_TYPE_CPU;
  strcpy(op.op_type, "cstScaledSoftsign");
  op.compute = on_compute;
  REQUIRE(rknn_register_custom_ops(c, &op, 1) == RKNN_SUCC);
  return c;
}

static void destroy_during_a_run(const char* custom, const char* digits) {
  rknn_context original = 0, stranger = 0, busy = 0;
  REQUIRE(rknn_init(&original, (void*)custom, 0, 0, NULL) == RKNN_SUCC);
  REQUIRE(rknn_init(&stranger, (void*)digits, 0, 0, NULL) == RKNN_SUCC);
  REQUIRE(rknn_init(&busy, (void*)digits, 0, 0, NULL) == RKNN_SUCC);
  float before[kClasses], after[kClasses];
  CHECK_CODE(classify(busy, 4, before), RKNN_SUCC);
  struct Held alone = {.context = with_operator(original)}, disturbed = {.context = with_operator(original)};
  run_held(&alone);
  CHECK_CODE(alone.code, RKNN_SUCC);

  set(&let_go, 0);
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, run_held, &disturbed) == 0);
  wait_for(&inside);
  rknn_context copy = 0;
  CHECK_CODE(rknn_dup_context(&disturbed.context, &copy), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(copy), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(original), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(alone.context), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(stranger), RKNN_SUCC);
  CHECK_CODE(rknn_destroy(stranger), RKNN_ERR_CTX_INVALID);
  CHECK_CODE(classify(busy, 4, after), RKNN_SUCC);
  CHECK(memcmp(before, after, sizeof before) == 0);
  CHECK(get(&inside)); /* all that happened during the run */
  set(&let_go, 1);
  pthread_join(thread, NULL);
  CHECK_CODE(disturbed.code, RKNN_SUCC);
  CHECK(memcmp(alone.y, disturbed.y, sizeof alone.y) == 0);

  /* The running context itself: its run ends like any other, and is the last. */
  set(&let_go, 0);
  REQUIRE(pthread_create(&thread, NULL, run_held, &disturbed) == 0);
  wait_for(&inside);
  CHECK_CODE(rknn_destroy(disturbed.context), RKNN_SUCC);
  CHECK_CODE(rknn_run(disturbed.context, NULL), RKNN_ERR_CTX_INVALID);
  set(&let_go, 1);
  pthread_join(thread, NULL);
  CHECK_CODE(disturbed.code, RKNN_ERR_CTX_INVALID); /* of rknn_outputs_get */
  CHECK(!get(&inside));
  CHECK_CODE(rknn_destroy(busy), RKNN_SUCC);
}

/* The same by chance: a few contexts never stop running while others come and go. */
static const char* models[2];
static float expected[2][10][kClasses];
static rknn_context shared[2];
static int running[kRunners], stop = 0;

static intptr_t classifies(rknn_context c, int model, int d) {
  float logits[kClasses];
  return classify(c, d, logits) != RKNN_SUCC || memcmp(logits, expected[model][d], sizeof logits) != 0;
}

/* By a copy, by contexts of its own. */
static void* runner(void* argument) {
  const int t = (int)(intptr_t)argument, model = t % 2;
  rknn_context c = 0;
  const int made = t == 2 ? rknn_dup_context(&shared[model], &c) : rknn_init(&c, (void*)models[model], 0, 0, NULL);
  intptr_t wrong = made != RKNN_SUCC;
  for (int i = 0; !get(&stop); ++i) {
    wrong += classifies(c, model, (t + i) % 10);
    set(&running[t], 1);
  }
  return (void*)(wrong + (rknn_destroy(c) != RKNN_SUCC));
}

static void* destroyer(void* argument) {
  intptr_t wrong = 0;
  for (int i = (int)(intptr_t)argument; i < kRounds; ++i) {
    const int model = i % 2;
    rknn_context c = 0;
    const int made =
        i % 3 == 0 ? rknn_init(&c, (void*)models[model], 0, 0, NULL) : rknn_dup_context(&shared[model], &c);
    wrong += made != RKNN_SUCC;
    if (i % 4 != 3) wrong += classifies(c, model, i % 10);
    wrong += rknn_destroy(c) != RKNN_SUCC;
  }
  return (void*)wrong;
}

static void destroy_all_the_time(void) {
  for (int m = 0; m < 2; ++m) {
    REQUIRE(rknn_init(&shared[m], (void*)models[m], 0, 0, NULL) == RKNN_SUCC);
    for (int d = 0; d < 10; ++d) CHECK_CODE(classify(shared[m], d, expected[m][d]), RKNN_SUCC);
  }
  pthread_t threads[kRunners + kDestroyers];
  for (intptr_t t = 0; t < kRunners; ++t) REQUIRE(pthread_create(&threads[t], NULL, runner, (void*)t) == 0);
  for (int t = 0; t < kRunners; ++t) wait_for(&running[t]);
  for (intptr_t t = 0; t < kDestroyers; ++t)
    REQUIRE(pthread_create(&threads[kRunners + t], NULL, destroyer, (void*)t) == 0);
  for (int t = kRunners + kDestroyers; t-- > 0;) {
    if (t == kRunners - 1) { /* the destroyers are done: now what the runners' copy came from */
      for (int m = 0; m < 2; ++m) CHECK_CODE(rknn_destroy(shared[m]), RKNN_SUCC);
      for (int r = 0; r < kRunners; ++r) set(&running[r], 0);
      for (int r = 0; r < kRunners; ++r) wait_for(&running[r]);
      set(&stop, 1);
    }
    void* wrong = NULL;
    pthread_join(threads[t], &wrong);
    CHECK(wrong == NULL);
  }
}

int main(int argc, char** argv) {
  REQUIRE(argc == 4);
  destroy_during_a_run(argv[1], argv[2]);
  models[0] = argv[2], models[1] = argv[3];
  destroy_all_the_time();
  return report();
}
