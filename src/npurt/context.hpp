#pragma once
/// What a rknn_context stands for, and how the exported functions get at it.
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "npu/exec/program.hpp"
#include "npurt/attributes.hpp"
#include "npurt/handles.hpp"
#include "npurt/memory.hpp"
#include "npurt/tensor_dump.hpp"

namespace ez_rknn::npurt {

/// Memory that takes the place of a copy: inputs are read from it before a run, outputs written to it afterwards.
struct Binding {
  std::shared_ptr<Memory> memory;
  npu::io::Layout layout;
  bool own_numbers = false;  ///< the memory holds the tensor's numbers as the NPU computes with them
};

struct ContextState {
  ContextState(std::shared_ptr<const npu::Program> p, std::uint32_t init_flags);

  const npu::Program& program() const { return *shared_program; }
  Port port(Side side, std::uint32_t index) const { return port_at(program(), context->graph(), side, index); }
  /// Another graph: what was set for the old one's shapes is forgotten.
  void select_graph(int graph);

  std::recursive_mutex mutex;  ///< held during every call; recursive so that a callback's call can be refused
  bool running = false;        ///< inside rknn_run
  const std::shared_ptr<const npu::Program> shared_program;
  const std::uint32_t flags;
  std::unique_ptr<npu::Context> context;
  std::unique_ptr<TensorDump> dump;  ///< null: not asked for
  unsigned core_mask = 0;

  std::vector<bool> input_set;
  std::vector<std::optional<Binding>> bound_inputs, bound_outputs;
  std::uint64_t runs = 0;  ///< frames so far
  bool outputs_valid = false;
  std::map<const void*, std::unique_ptr<std::byte[]>> given_out;  ///< buffers of rknn_outputs_get
  std::string perf_text;
};

Handles<ContextState>& contexts();
/// Without waiting for a call that is using it: only what never changes may be looked at.
/// @throws Refusal (RKNN_ERR_CTX_INVALID)
std::shared_ptr<ContextState> find_context(rknn_context handle);

/// A context in use by this call.
class InUse {
 public:
  /// @throws Refusal RKNN_ERR_CTX_INVALID, or RKNN_ERR_FAIL in a custom operator that the same context is running
  explicit InUse(rknn_context handle);
  ContextState* operator->() const { return state_.get(); }
  ContextState& operator*() const { return *state_; }

 private:
  std::shared_ptr<ContextState> state_;
  std::unique_lock<std::recursive_mutex> lock_;
};

}  // namespace ez_rknn::npurt
