#include "session/custom_ops.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "ez_rknn/error.hpp"
#include "session/runtime_choice.hpp"

namespace ez_rknn {
namespace {

namespace fs = std::filesystem;

/// Where the vendor's runtime looks for plug-ins.
fs::path default_folder() {
#if defined(__ANDROID__)
  return device_root() / (sizeof(void*) == 8 ? "vendor/lib64" : "vendor/lib");
#else
  return device_root() / "usr/lib/rknpu/op_plugins";
#endif
}

std::string type_of(const rknn_custom_op& op) { return {op.op_type, strnlen(op.op_type, sizeof op.op_type)}; }

}  // namespace

CustomOps::~CustomOps() {
  for (void* handle : handles_) dlclose(handle);
}

void CustomOps::load(const RuntimeLibrary& runtime, const std::string& path) {
  runtime.show_to_plug_ins();  // they call its rknn_custom_op_get_op_attr
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) throw InvalidArgument("custom operator " + path + ": " + dlerror());
  handles_.push_back(handle);
  const auto get = reinterpret_cast<get_custom_op_func>(dlsym(handle, "get_rknn_custom_op"));
  if (!get) throw InvalidArgument("custom operator " + path + ": it does not export get_rknn_custom_op");
  const rknn_custom_op* op = get();
  if (!op) throw InvalidArgument("custom operator " + path + ": get_rknn_custom_op returned no operator");
  for (const rknn_custom_op& other : operators_)
    if (other.version == op->version && other.target == op->target && type_of(other) == type_of(*op))
      throw InvalidArgument("custom operator " + path + ": operator " + type_of(*op) + " is loaded already");
  operators_.push_back(*op);
}

void CustomOps::load_default_folder(const RuntimeLibrary& runtime, std::vector<std::string>& warnings) {
  std::error_code error;
  std::vector<std::string> paths;
  const fs::path folder = default_folder();
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("librkcst_") && name.ends_with(".so")) paths.push_back(it->path().string());
  }
  if (error) warnings.push_back("custom operators: " + folder.string() + ": " + error.message());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) try {
      load(runtime, path);
    } catch (const InvalidArgument& e) { warnings.push_back(e.what()); }
}

void CustomOps::register_with(const Context& context) {
  if (empty()) return;
  if (!context.api().register_custom_ops) throw Unsupported("this runtime has no rknn_register_custom_ops");
  context.check("rknn_register_custom_ops",
                context.api().register_custom_ops(context.handle(), operators_.data(),
                                                  static_cast<std::uint32_t>(operators_.size())));
}

}  // namespace ez_rknn
