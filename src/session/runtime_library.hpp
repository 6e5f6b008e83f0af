#pragma once
/// One loaded librknnrt: the vendor's, the software NPU, or a test's. Its functions are a table, so the engine never
/// links to any of them and one process can use several.
#include <memory>
#include <string>

#include "abi/extensions.h"
#include "abi/rknn.h"
#include "core/log.hpp"

namespace ez_rknn {

/// Functions a runtime may lack (old versions do) are null.
struct RknnApi {
  decltype(&::rknn_init) init = nullptr;
  decltype(&::rknn_destroy) destroy = nullptr;
  decltype(&::rknn_query) query = nullptr;
  decltype(&::rknn_inputs_set) inputs_set = nullptr;
  decltype(&::rknn_run) run = nullptr;
  decltype(&::rknn_outputs_get) outputs_get = nullptr;
  decltype(&::rknn_outputs_release) outputs_release = nullptr;
  decltype(&::rknn_dup_context) dup_context = nullptr;  // optional from here on
  decltype(&::rknn_set_core_mask) set_core_mask = nullptr;
  decltype(&::rknn_set_input_shapes) set_input_shapes = nullptr;
  decltype(&::rknn_register_custom_ops) register_custom_ops = nullptr;
  decltype(&::rknn_create_mem) create_mem = nullptr;
  decltype(&::rknn_create_mem2) create_mem2 = nullptr;
  decltype(&::rknn_create_mem_from_fd) create_mem_from_fd = nullptr;
  decltype(&::rknn_destroy_mem) destroy_mem = nullptr;
  decltype(&::rknn_set_io_mem) set_io_mem = nullptr;
  decltype(&::rknn_mem_sync) mem_sync = nullptr;
};

class RuntimeLibrary {
 public:
  /// Loads a library, or returns the one already loaded from the same path. It stays loaded for the life of the
  /// process: the vendor's library leaves threads and exit handlers behind.
  /// @param why_not  receives the reason when the result is null
  static std::shared_ptr<const RuntimeLibrary> open(const std::string& path, std::string& why_not);

  /// Messages of the engine and of the software NPU, loaded already or later. The vendor's library has a level of its
  /// own, the environment's RKNN_LOG_LEVEL.
  static void set_log_level(log::Level level);

  const RknnApi& api() const { return api_; }
  /// Where the library lies, as the dynamic linker says.
  const std::string& path() const { return path_; }
  /// True for our own software NPU: it answers the private query for its last error text.
  bool is_software() const { return software_; }
  /// The runtime's own words for what the last call on this thread met; "" where it has none.
  std::string last_error(rknn_context context) const;
  /// Plug-ins loaded from here on find this library's functions by name.
  void show_to_plug_ins() const;

 private:
  void set_own_log_level(log::Level level) const;

  RknnApi api_;
  std::string path_;
  bool software_ = false;
};

}  // namespace ez_rknn
