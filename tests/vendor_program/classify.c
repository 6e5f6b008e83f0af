/* A program as people write them for librknnrt, in C and with the vendor's header names:
 *
 *   classify MODEL.rknn PICTURE.raw
 *
 * PICTURE.raw holds the bytes of the model's first input, uint8. Prints the place and the value of the largest output.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rknn_api.h"
#include "rknn_custom_op.h"
#include "rknn_matmul_api.h"

static void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file) return perror(path), NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  void* bytes = malloc(*size);
  if (bytes && fread(bytes, 1, *size, file) != *size) free(bytes), bytes = NULL;
  fclose(file);
  return bytes;
}

static int check(int ret, const char* what) {
  if (ret < 0) fprintf(stderr, "%s failed: %d\n", what, ret);
  return ret;
}

int main(int count, char** arguments) {
  if (count != 3) return fprintf(stderr, "usage: classify MODEL.rknn PICTURE.raw\n"), 2;
  size_t model_size = 0, picture_size = 0;
  void* model = read_file(arguments[1], &model_size);
  void* picture = read_file(arguments[2], &picture_size);
  if (!model || !picture) return 1;

  rknn_context context = 0;
  if (check(rknn_init(&context, model, (uint32_t)model_size, 0, NULL), "rknn_init") < 0) return 1;
  rknn_sdk_version version;
  if (check(rknn_query(context, RKNN_QUERY_SDK_VERSION, &version, sizeof version), "rknn_query") < 0) return 1;
  printf("runtime %s\n", version.api_version);
  rknn_tensor_attr attr = {.index = 0};
  if (check(rknn_query(context, RKNN_QUERY_INPUT_ATTR, &attr, sizeof attr), "rknn_query") < 0) return 1;
  printf("input %s %s\n", attr.name, get_type_string(attr.type));

  rknn_input input = {
      .index = 0, .buf = picture, .size = (uint32_t)picture_size, .type = RKNN_TENSOR_UINT8, .fmt = RKNN_TENSOR_NHWC};
  rknn_output output = {.index = 0, .want_float = 1};
  if (check(rknn_inputs_set(context, 1, &input), "rknn_inputs_set") < 0 ||
      check(rknn_run(context, NULL), "rknn_run") < 0 ||
      check(rknn_outputs_get(context, 1, &output, NULL), "rknn_outputs_get") < 0)
    return 1;
  const float* scores = output.buf;
  uint32_t best = 0;
  for (uint32_t i = 1; i < output.size / sizeof *scores; ++i)
    if (scores[i] > scores[best]) best = i;
  printf("best %u %.6g\n", best, (double)scores[best]);
  rknn_outputs_release(context, 1, &output);
  rknn_destroy(context);
  free(model);
  free(picture);
  return 0;
}
