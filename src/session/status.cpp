#include "session/status.hpp"

#include "ez_rknn/error.hpp"

namespace ez_rknn {
namespace {

struct Meaning {
  int ret;
  const char* symbol;
  const char* text;
};
constexpr Meaning kMeanings[] = {
    {RKNN_ERR_FAIL, "RKNN_ERR_FAIL", "it failed without saying why"},
    {RKNN_ERR_TIMEOUT, "RKNN_ERR_TIMEOUT", "the NPU did not finish in time"},
    {RKNN_ERR_DEVICE_UNAVAILABLE, "RKNN_ERR_DEVICE_UNAVAILABLE", "the NPU device is not available"},
    {RKNN_ERR_MALLOC_FAIL, "RKNN_ERR_MALLOC_FAIL", "memory could not be allocated"},
    {RKNN_ERR_PARAM_INVALID, "RKNN_ERR_PARAM_INVALID", "an argument is not accepted"},
    {RKNN_ERR_MODEL_INVALID, "RKNN_ERR_MODEL_INVALID", "the model is damaged, or made for another runtime version"},
    {RKNN_ERR_CTX_INVALID, "RKNN_ERR_CTX_INVALID", "the context is not valid"},
    {RKNN_ERR_INPUT_INVALID, "RKNN_ERR_INPUT_INVALID", "the inputs are not valid"},
    {RKNN_ERR_OUTPUT_INVALID, "RKNN_ERR_OUTPUT_INVALID", "the outputs are not valid"},
    {RKNN_ERR_DEVICE_UNMATCH, "RKNN_ERR_DEVICE_UNMATCH", "the device does not match: update driver or runtime"},
    {RKNN_ERR_INCOMPATILE_PRE_COMPILE_MODEL, "RKNN_ERR_INCOMPATILE_PRE_COMPILE_MODEL",
     "the pre-compiled model does not fit this driver"},
    {RKNN_ERR_INCOMPATILE_OPTIMIZATION_LEVEL_VERSION, "RKNN_ERR_INCOMPATILE_OPTIMIZATION_LEVEL_VERSION",
     "the model's optimisation level does not fit this driver"},
    {RKNN_ERR_TARGET_PLATFORM_UNMATCH, "RKNN_ERR_TARGET_PLATFORM_UNMATCH", "the model or option is for another chip"},
};

}  // namespace

std::string describe_failure(const char* function, int ret) {
  const std::string head = std::string(function) + " failed: ";
  for (const Meaning& m : kMeanings)
    if (m.ret == ret) return head + m.symbol + " (" + std::to_string(ret) + "): " + m.text;
  return head + "code " + std::to_string(ret);
}

void check(const RuntimeLibrary& library, rknn_context context, const char* function, int ret) {
  if (ret >= 0) return;
  const std::string own_words = library.last_error(context);
  throw DeviceError(ret, describe_failure(function, ret) + (own_words.empty() ? "" : ": " + own_words));
}

void raise_init_failure(const RuntimeLibrary& library, const std::string& model, int ret) {
  const std::string own_words = library.last_error(0);
  const std::string text = model + ": " + (own_words.empty() ? describe_failure("rknn_init", ret) : own_words);
  if (ret == RKNN_ERR_MODEL_INVALID) throw ModelError(text);
  if (library.is_software() && ret == RKNN_ERR_TARGET_PLATFORM_UNMATCH) throw Unsupported(text);
  throw DeviceError(ret, text);
}

}  // namespace ez_rknn
