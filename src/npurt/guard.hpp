#pragma once
/// The one place where exceptions become the ABI's numbers. Every exported function runs inside guarded(); what it
/// throws is logged, kept for EZ_RKNN_QUERY_LAST_ERROR, and returned as a code.
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "abi/rknn.h"
#include "core/log.hpp"

namespace ez_rknn::npurt {

/// A refusal whose code the interface prescribes.
struct Refusal : std::runtime_error {
  int code;
  log::Level level;
  Refusal(int c, const std::string& text, log::Level l) : std::runtime_error(text), code(c), level(l) {}
};

/// @param level  how loud it is: a code that answers a question ("no, no dynamic shapes") is not an error to the user
[[noreturn]] void refuse(int code, const std::string& text, log::Level level = log::Level::error);
/// RKNN_ERR_PARAM_INVALID unless `given` is set.
void require_pointer(const void* given, const char* what);

/// In a catch block: logs and keeps "function: text" of the exception in flight, and gives its code:
///   Refusal its own; ModelError -6; Unsupported -13; InvalidArgument -5; Timeout -2; DeviceError its rknn_ret;
///   std::bad_alloc -4; everything else -1
int report(const char* function) noexcept;

/// Text of this thread's last failed call, empty when none has failed.
const std::string& last_error() noexcept;

template <class F>
int guarded(const char* function, F&& f) noexcept {
  try {
    if constexpr (std::is_void_v<decltype(f())>) {
      f();
      return RKNN_SUCC;
    } else {
      return f();
    }
  } catch (...) { return report(function); }
}

/// For the functions that return a pointer: null on failure.
template <class F>
auto guarded_pointer(const char* function, F&& f) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    report(function);
    return nullptr;
  }
}

}  // namespace ez_rknn::npurt
