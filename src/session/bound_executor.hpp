#pragma once
/// Runs bound calls on a context of its own, so that rknn_set_io_mem and rknn_inputs_set never meet in one context.
/// What a port is bound to is remembered: the runtime is told only what changed. One thread at a time.
#include <chrono>
#include <memory>
#include <vector>

#include "session/bound_call.hpp"
#include "session/buffer_pool.hpp"
#include "session/imported_memory.hpp"

namespace ez_rknn {

class BoundExecutor {
 public:
  /// `model` is borrowed and outlives the executor.
  BoundExecutor(std::shared_ptr<Context> context, const ModelInfo& model, ZeroCopyLayout layout,
                std::shared_ptr<BufferPool> buffers);
  ~BoundExecutor();
  BoundExecutor(const BoundExecutor&) = delete;
  BoundExecutor& operator=(const BoundExecutor&) = delete;

  /// Fills in the fresh outputs. @return how long rknn_run took @throws DeviceError, Unsupported, bad_alloc
  std::chrono::nanoseconds run(BoundCall& call);

 private:
  struct Port {
    bool input;
    PortInfo info;
    TensorLayout order;                ///< of the session's arrays
    rknn_tensor_mem* bound = nullptr;  ///< what the runtime was told last, and how it was described
    rknn_tensor_attr described{};
    rknn_tensor_mem* staging = nullptr;  ///< memory of this context for what cannot be used in place
    TensorMemory staged;                 ///< how it is used by the current call
    bool is_staged = false;
    ElementType own_type() const { return element_type(info.logical.type); }
  };

  void select_shapes(std::size_t set);
  void give_input(Port& port, const TensorInfo& info, const Value::State& value);
  void give_output(Port& port, const TensorInfo& info, const BoundOutput& output);
  void take_output(Port& port, const TensorInfo& info, BoundOutput& output);
  /// The value's memory in the runtime's hands, or null when it has to be copied.
  rknn_tensor_mem* in_place(const Port& port, const TensorInfo& info, const Value::State& value);
  void bind(Port& port, rknn_tensor_mem* memory, const rknn_tensor_attr& attr);
  std::byte* stage(Port& port, const TensorMemory& memory);
  void forget(const rknn_tensor_mem* memory);
  std::byte* scratch(std::size_t bytes);

  const std::shared_ptr<Context> context_;
  const ModelInfo& model_;
  const ZeroCopyLayout layout_;
  const std::shared_ptr<BufferPool> buffers_;
  std::size_t shape_set_ = 0;
  std::vector<Port> inputs_, outputs_;
  ImportedMemory imports_;
  Buffer scratch_;
};

}  // namespace ez_rknn
