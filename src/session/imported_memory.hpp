#pragma once
/// Device memory as one context knows it: imported once, let go of when its last value is gone.
#include <functional>
#include <map>
#include <memory>

#include "session/device_memory.hpp"

namespace ez_rknn {

class ImportedMemory {
 public:
  /// @param forget  is told of every import that ends, before it does
  ImportedMemory(std::shared_ptr<Context> context, std::function<void(const rknn_tensor_mem*)> forget)
      : context_(std::move(context)), forget_(std::move(forget)) {}
  ~ImportedMemory();
  ImportedMemory(const ImportedMemory&) = delete;
  ImportedMemory& operator=(const ImportedMemory&) = delete;

  /// Null when the memory has no descriptor, the runtime cannot import, or refuses; the latter is logged, once.
  rknn_tensor_mem* find(const std::shared_ptr<DeviceMemory>& memory);
  /// Ends the imports of memory that no value has any more.
  void purge();

 private:
  struct Import {
    std::weak_ptr<DeviceMemory> memory;
    rknn_tensor_mem* handle;  ///< null: refused
  };
  void end(const Import& import);

  const std::shared_ptr<Context> context_;
  const std::function<void(const rknn_tensor_mem*)> forget_;
  std::map<const DeviceMemory*, Import> imports_;
};

}  // namespace ez_rknn
