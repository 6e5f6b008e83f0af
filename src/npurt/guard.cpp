#include "npurt/guard.hpp"

#include "ez_rknn/error.hpp"

namespace ez_rknn::npurt {
namespace {

thread_local std::string last_text;

int fail(const char* function, const char* text, int code, log::Level level = log::Level::error) noexcept {
  try {
    last_text = std::string(function) + ": " + text;
    log::write(level, last_text);
  } catch (...) {  // no memory for the text: the code has to do
    last_text.clear();
  }
  return code;
}

}  // namespace

void refuse(int code, const std::string& text, log::Level level) { throw Refusal(code, text, level); }

void require_pointer(const void* given, const char* what) {
  if (!given) refuse(RKNN_ERR_PARAM_INVALID, std::string(what) + " is NULL");
}

int report(const char* function) noexcept {
  try {
    throw;
  } catch (const Refusal& e) { return fail(function, e.what(), e.code, e.level); } catch (const ModelError& e) {
    return fail(function, e.what(), RKNN_ERR_MODEL_INVALID);
  } catch (const Unsupported& e) {
    return fail(function, e.what(), RKNN_ERR_TARGET_PLATFORM_UNMATCH);
  } catch (const InvalidArgument& e) {
    return fail(function, e.what(), RKNN_ERR_PARAM_INVALID);
  } catch (const Timeout& e) { return fail(function, e.what(), RKNN_ERR_TIMEOUT); } catch (const DeviceError& e) {
    return fail(function, e.what(), e.rknn_ret < 0 ? e.rknn_ret : RKNN_ERR_FAIL);
  } catch (const std::bad_alloc&) {
    return fail(function, "out of memory", RKNN_ERR_MALLOC_FAIL);
  } catch (const std::exception& e) { return fail(function, e.what(), RKNN_ERR_FAIL); } catch (...) {
    return fail(function, "unknown exception", RKNN_ERR_FAIL);
  }
}

const std::string& last_error() noexcept { return last_text; }

}  // namespace ez_rknn::npurt
