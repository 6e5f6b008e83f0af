#pragma once
/// What a Value stands for, and how one for a port is laid out.
#include <memory>
#include <optional>

#include "ez_rknn/value.hpp"
#include "session/device_memory.hpp"
#include "session/model_info.hpp"
#include "session/tensor_memory.hpp"

namespace ez_rknn {

class Engine;

struct Value::State {
  ElementType type = ElementType::float32;
  Shape shape;
  /// Order of a 4-D shape; plain: that of whatever the value is bound to.
  TensorLayout order = TensorLayout::plain;
  std::optional<Quantisation> quantisation;

  void* host = nullptr;         ///< dense; null for a device value
  std::shared_ptr<void> owner;  ///< of `host`
  bool read_only = false;

  std::shared_ptr<DeviceMemory> memory;  ///< null for a host value
  TensorMemory placed;                   ///< how `memory` holds the elements
  bool pass_through = false;

  std::size_t bytes() const { return static_cast<std::size_t>(shape.elements()) * size_of(type); }
  std::byte* data() const { return memory ? memory->data() : static_cast<std::byte*>(host); }
};

/// Value::for_port, without a Session.
Value value_for_port(Engine& engine, IoKind kind, const std::string& name, const PortOptions& options);

std::optional<Quantisation> quantisation_of(const TensorInfo& info);

/// "input", "output"; and the index of a name. @throws InvalidArgument with the names there are
const char* name_of(IoKind kind);
std::size_t port_index(const ModelInfo& model, IoKind kind, const std::string& name);

/// Is this type one that the port can be bound as? @throws InvalidType saying what is accepted
void check_port_type(const ModelInfo& model, IoKind kind, std::size_t index, ElementType type);

/// Where a port's real values of another type than its own lie: as the runtime takes them to convert them.
TensorMemory real_memory(const PortInfo& port, bool input, ElementType type);
/// The attribute that describes such memory, or memory of the port's own numbers, to rknn_set_io_mem.
rknn_tensor_attr attribute_for(const PortInfo& port, const TensorMemory& memory);

}  // namespace ez_rknn
