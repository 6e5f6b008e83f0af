#pragma once
/// Which librknnrt a session uses.
#include <memory>
#include <string>

#include "session/runtime_library.hpp"

namespace ez_rknn {

/// In this order:
///  1. `request`: "npu" (the vendor's library), "software" (the software NPU) or a path;
///  2. the environment: EZ_RKNN_RUNTIME (same values), then ZTU_RKNPU2_RUNTIME_LIBRARY (a path);
///  3. the vendor's library, if an NPU is present and the library loads; else the software NPU.
/// @throws RuntimeMissing listing every path that was tried and why it did not do
std::shared_ptr<const RuntimeLibrary> choose_runtime(const std::string& request);

/// True when a device driven by rknpu is there: /sys/class/drm/*/device/driver, or /dev/rknpu.
/// EZ_RKNN_DEVICE_ROOT is put before these paths (for tests).
bool npu_present();

/// Where the software NPU's library lies: beside the code that asks (the Python package), else beside the program, else
/// as the dynamic linker finds it. "" when there is none.
std::string software_runtime_path();

}  // namespace ez_rknn
