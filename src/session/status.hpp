#pragma once
/// Return codes of the rknn C ABI as text and as exceptions.
#include <string>

#include "session/runtime_library.hpp"

namespace ez_rknn {

/// "rknn_run failed: RKNN_ERR_TIMEOUT (-2): the NPU did not finish in time"
std::string describe_failure(const char* function, int ret);

/// Throws DeviceError when `ret` is negative, with the runtime's own last error text where it has one.
void check(const RuntimeLibrary& library, rknn_context context, const char* function, int ret);

/// Turns the result of a failed rknn_init into what was wrong with the model or the device.
/// @throws ModelError, Unsupported or DeviceError
[[noreturn]] void raise_init_failure(const RuntimeLibrary& library, const std::string& model, int ret);

}  // namespace ez_rknn
