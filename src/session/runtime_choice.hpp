#pragma once
/// Which librknnrt a session uses.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "session/runtime_library.hpp"

namespace ez_rknn {

/// In this order:
///  1. `request`: "npu" (the vendor's library), "software" (the software NPU) or a path;
///  2. the environment: EZ_RKNN_RUNTIME (same values), then ZTU_RKNPU2_RUNTIME_LIBRARY (a path);
///  3. the vendor's library, if an NPU is present and the library loads; else the software NPU.
/// @throws RuntimeMissing listing every path that was tried and why it did not do
std::shared_ptr<const RuntimeLibrary> choose_runtime(const std::string& request);

/// The same choice with its reasons, for who wonders about it. Never throws for want of a runtime.
struct RuntimeAttempt {
  std::string path, why_not;  ///< `why_not` is empty for the one that did
};
struct RuntimeChoice {
  std::string asked_by;  ///< runtime="...", or the environment variable with its value; empty: nobody, by rule 3
  bool npu_present = false;
  std::vector<RuntimeAttempt> attempts;           ///< in order
  std::shared_ptr<const RuntimeLibrary> library;  ///< null: none of them
};
RuntimeChoice examine_runtimes(const std::string& request);

/// What absolute paths of the device's system begin with: EZ_RKNN_DEVICE_ROOT (for tests), else "/".
std::filesystem::path device_root();

/// True when a device driven by rknpu is there: /sys/class/drm/*/device/driver, or /dev/rknpu.
bool npu_present();

/// Where the software NPU's library lies: beside the code that asks (the Python package), else beside the program, else
/// as the dynamic linker finds it. "" when there is none.
std::string software_runtime_path();

}  // namespace ez_rknn
