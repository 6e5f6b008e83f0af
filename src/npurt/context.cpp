#include "npurt/context.hpp"

#include <atomic>

#include "npurt/guard.hpp"

namespace ez_rknn::npurt {

rknn_context next_handle() {
  static std::atomic<rknn_context> next{0x455a000000000000ull};
  return ++next;
}

ContextState::ContextState(std::shared_ptr<const npu::Program> p, std::uint32_t init_flags)
    : shared_program(std::move(p)), flags(init_flags), context(npu::Context::create(shared_program)) {
  input_set.resize(port_count(program(), Side::input));
  bound_inputs.resize(input_set.size());
  bound_outputs.resize(port_count(program(), Side::output));
  if (flags & RKNN_FLAG_COLLECT_PERF_MASK) context->collect_times(true);
  dump = TensorDump::from_environment(*context);
}

void ContextState::select_graph(int graph) {
  if (graph == context->graph()) return;
  context->select_graph(graph);
  input_set.assign(input_set.size(), false);
  bound_inputs.assign(bound_inputs.size(), std::nullopt);
  bound_outputs.assign(bound_outputs.size(), std::nullopt);
  outputs_valid = false;
}

Handles<ContextState>& contexts() {
  static auto* all = new Handles<ContextState>;  // never destroyed: programs destroy contexts in static destructors
  return *all;
}

std::shared_ptr<ContextState> find_context(rknn_context handle) {
  auto state = contexts().find(handle);
  if (!state) refuse(RKNN_ERR_CTX_INVALID, "context " + std::to_string(handle) + " does not exist");
  return state;
}

InUse::InUse(rknn_context handle) : state_(find_context(handle)), lock_(state_->mutex) {
  if (state_->running) refuse(RKNN_ERR_FAIL, "the context is running: a custom operator's callback cannot use it");
}

}  // namespace ez_rknn::npurt
