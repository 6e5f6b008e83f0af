#include "session/runtime_library.hpp"

#include <dlfcn.h>

#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "core/global_mutex.hpp"

namespace ez_rknn {
namespace {

/// Handles are never closed, so a library is loaded at most once per path.
struct Loaded {
  GlobalMutex mutex;
  std::map<std::string, std::shared_ptr<const RuntimeLibrary>> by_path;
  std::optional<log::Level> log_level;  ///< set by the program
};
Loaded& loaded() {
  static Loaded* l = new Loaded;  // never destroyed: sessions may outlive static destruction
  return *l;
}

template <class F>
void resolve(void* handle, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(handle, name));
}

template <class F>
bool require(void* handle, const char* name, F& function, std::string& why_not) {
  resolve(handle, name, function);
  if (!function) why_not = std::string("it does not export ") + name;
  return function != nullptr;
}

bool fill(void* handle, RknnApi& api, std::string& why_not) {
  resolve(handle, "rknn_dup_context", api.dup_context);
  resolve(handle, "rknn_set_core_mask", api.set_core_mask);
  resolve(handle, "rknn_set_input_shapes", api.set_input_shapes);
  resolve(handle, "rknn_register_custom_ops", api.register_custom_ops);
  resolve(handle, "rknn_create_mem", api.create_mem);
  resolve(handle, "rknn_create_mem2", api.create_mem2);
  resolve(handle, "rknn_create_mem_from_fd", api.create_mem_from_fd);
  resolve(handle, "rknn_destroy_mem", api.destroy_mem);
  resolve(handle, "rknn_set_io_mem", api.set_io_mem);
  resolve(handle, "rknn_mem_sync", api.mem_sync);
  return require(handle, "rknn_init", api.init, why_not) && require(handle, "rknn_destroy", api.destroy, why_not) &&
         require(handle, "rknn_query", api.query, why_not) &&
         require(handle, "rknn_inputs_set", api.inputs_set, why_not) && require(handle, "rknn_run", api.run, why_not) &&
         require(handle, "rknn_outputs_get", api.outputs_get, why_not) &&
         require(handle, "rknn_outputs_release", api.outputs_release, why_not);
}

}  // namespace

std::shared_ptr<const RuntimeLibrary> RuntimeLibrary::open(const std::string& path, std::string& why_not) {
  std::lock_guard lock(loaded().mutex);
  if (auto found = loaded().by_path.find(path); found != loaded().by_path.end()) return found->second;
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* text = dlerror();
    why_not = text ? text : "dlopen failed";
    return nullptr;
  }
  auto library = std::make_shared<RuntimeLibrary>();
  if (!fill(handle, library->api_, why_not)) {
    dlclose(handle);
    return nullptr;
  }
  Dl_info where{};
  library->path_ =
      dladdr(reinterpret_cast<const void*>(library->api_.init), &where) && where.dli_fname ? where.dli_fname : path;
  char text[256] = {};
  library->software_ =
      library->api_.query(0, static_cast<rknn_query_cmd>(EZ_RKNN_QUERY_LAST_ERROR), text, sizeof text) == RKNN_SUCC;
  if (loaded().log_level) library->set_own_log_level(*loaded().log_level);
  loaded().by_path[path] = library;
  return library;
}

void RuntimeLibrary::set_log_level(log::Level level) {
  log::set_threshold(level);
  std::lock_guard lock(loaded().mutex);
  loaded().log_level = level;
  for (const auto& [path, library] : loaded().by_path) library->set_own_log_level(level);
}

void RuntimeLibrary::set_own_log_level(log::Level level) const {
  auto number = static_cast<std::int32_t>(level);
  if (software_) api_.query(0, static_cast<rknn_query_cmd>(EZ_RKNN_SET_LOG_LEVEL), &number, sizeof number);
}

void RuntimeLibrary::show_to_plug_ins() const { dlopen(path_.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL); }

std::string RuntimeLibrary::last_error(rknn_context context) const {
  if (!software_) return {};
  char text[2048] = {};
  if (api_.query(context, static_cast<rknn_query_cmd>(EZ_RKNN_QUERY_LAST_ERROR), text, sizeof text) != RKNN_SUCC)
    return {};
  text[sizeof text - 1] = 0;
  return text;
}

}  // namespace ez_rknn
