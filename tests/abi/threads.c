/* Contexts used by several threads at once: their own, a shared one, and one that another thread destroys.
 *
 * usage: threads digits_i8.rknn */
#include <pthread.h>
#include <string.h>

#include "abi/rknn.h"
#include "check.h"
#include "digits.h"

enum { kThreads = 4, kRounds = 30, kPixels = 32 * 32, kClasses = 10 };

static float expected[10][kClasses];
static rknn_context original = 0, doomed = 0;

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

/* A context of its own, pinned to a core; results are the single thread's. Returns how many were not. */
static void* own_context(void* argument) {
  const int t = (int)(intptr_t)argument;
  intptr_t wrong = 0;
  rknn_context c = 0;
  if (rknn_dup_context(&original, &c) != RKNN_SUCC) return (void*)1;
  wrong += rknn_set_core_mask(c, t % 4 == 3 ? RKNN_NPU_CORE_AUTO : (rknn_core_mask)(1 << t % 4)) != RKNN_SUCC;
  for (int i = 0; i < kRounds; ++i) {
    float logits[kClasses];
    const int d = (t + i) % 10;
    wrong += classify(c, d, logits) != RKNN_SUCC || memcmp(logits, expected[d], sizeof logits) != 0;
  }
  wrong += rknn_destroy(c) != RKNN_SUCC;
  return (void*)wrong;
}

/* Calls on one context are made one after the other; one of them finds it destroyed, and so do all after it. */
static void* shared_context(void* argument) {
  (void)argument;
  intptr_t wrong = 0;
  int gone = 0;
  while (!gone) {
    float logits[kClasses];
    rknn_tensor_attr attr;
    memset(&attr, 0, sizeof attr);
    const int query = rknn_query(doomed, RKNN_QUERY_INPUT_ATTR, &attr, sizeof attr), run = classify(doomed, 3, logits);
    wrong += query != RKNN_SUCC && query != RKNN_ERR_CTX_INVALID;
    wrong += run != RKNN_SUCC && run != RKNN_ERR_CTX_INVALID;
    gone = run == RKNN_ERR_CTX_INVALID;
  }
  return (void*)wrong;
}

static void run_threads(void* (*body)(void*), int destroy_meanwhile) {
  pthread_t threads[kThreads];
  for (intptr_t t = 0; t < kThreads; ++t) REQUIRE(pthread_create(&threads[t], NULL, body, (void*)t) == 0);
  if (destroy_meanwhile) {
    float logits[kClasses];
    for (int i = 0; i < 5; ++i) CHECK_CODE(classify(original, i, logits), RKNN_SUCC);
    CHECK_CODE(rknn_destroy(doomed), RKNN_SUCC);
  }
  for (int t = 0; t < kThreads; ++t) {
    void* wrong = NULL;
    pthread_join(threads[t], &wrong);
    CHECK(wrong == NULL);
  }
}

int main(int argc, char** argv) {
  REQUIRE(argc == 2);
  REQUIRE(rknn_init(&original, argv[1], 0, 0, NULL) == RKNN_SUCC);
  for (int d = 0; d < 10; ++d) CHECK_CODE(classify(original, d, expected[d]), RKNN_SUCC);
  run_threads(own_context, 0);
  for (int i = 0; i < 5; ++i) {
    CHECK_CODE(rknn_dup_context(&original, &doomed), RKNN_SUCC);
    run_threads(shared_context, 1);
  }
  CHECK_CODE(rknn_destroy(original), RKNN_SUCC);
  return report();
}
