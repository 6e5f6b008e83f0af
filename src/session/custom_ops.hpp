#pragma once
/// Plug-ins with operators that the NPU lacks: shared libraries that export get_rknn_custom_op().
#include <string>
#include <vector>

#include "session/context.hpp"

namespace ez_rknn {

class CustomOps {
 public:
  CustomOps() = default;
  CustomOps(const CustomOps&) = delete;
  CustomOps& operator=(const CustomOps&) = delete;
  ~CustomOps();

  /// Loads one plug-in for use with `runtime`. @throws InvalidArgument (cannot be loaded, exports no operator, operator
  /// loaded already)
  void load(const RuntimeLibrary& runtime, const std::string& path);
  /// Loads every librkcst_*.so of the runtime's plug-in folder; what cannot be loaded becomes a warning.
  void load_default_folder(const RuntimeLibrary& runtime, std::vector<std::string>& warnings);
  bool empty() const { return operators_.empty(); }
  /// The context calls into the plug-ins until it is destroyed: the caller lets it keep this object.
  /// @throws DeviceError, Unsupported where the runtime has no rknn_register_custom_ops
  void register_with(const Context& context);

 private:
  std::vector<void*> handles_;
  std::vector<rknn_custom_op> operators_;
};

}  // namespace ez_rknn
