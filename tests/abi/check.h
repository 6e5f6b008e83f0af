#ifndef CHECK_H
#define CHECK_H
/* A test in C: CHECK counts and prints what is not so, report() gives main's result. */
#include <stdio.h>
#include <stdlib.h>

static int checks_done = 0, checks_failed = 0;

#define CHECK(condition)                                              \
  do {                                                                \
    ++checks_done;                                                    \
    if (!(condition)) {                                               \
      ++checks_failed;                                                \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                 \
  } while (0)

/* A code that a function of the library must return. */
#define CHECK_CODE(call, want)                                                                     \
  do {                                                                                             \
    const int got_ = (call);                                                                       \
    ++checks_done;                                                                                 \
    if (got_ != (want)) {                                                                          \
      ++checks_failed;                                                                             \
      fprintf(stderr, "%s:%d: %s returned %d, not %d\n", __FILE__, __LINE__, #call, got_, (want)); \
    }                                                                                              \
  } while (0)

#define REQUIRE(condition)                                                          \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: cannot go on: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                      \
    }                                                                               \
  } while (0)

static int report(void) {
  printf("%d checks, %d failed\n", checks_done, checks_failed);
  return checks_failed != 0;
}

#endif
