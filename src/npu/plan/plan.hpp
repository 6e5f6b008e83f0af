#pragma once
/// One graph made ready to run: slots for its tensors and a list of steps over them. Immutable once built; every
/// context of a model runs the same plan over its own bytes.
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/team.hpp"
#include "npu/plan/memory.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

using CustomCall = std::function<int(const file::Node&, std::span<const ConstTensorView>, std::span<const TensorView>)>;
using CustomCalls = std::map<std::string, CustomCall, std::less<>>;

/// What a step runs with: one context's.
struct RunState {
  Bases bases;
  Team& team;
  std::span<std::byte> scratch;
  const CustomCalls& custom;
  bool observed = false;  ///< somebody looks at every tensor, those that no step reads included
};

/// One layer, or a part of one.
class Step {
 public:
  explicit Step(const file::Node& n) : node(n) {}
  virtual ~Step() = default;
  virtual void run(const RunState& state) const = 0;
  virtual std::string kernel() const = 0;
  virtual std::size_t scratch_bytes(int /*workers*/) const { return 0; }
  virtual std::size_t packed_bytes() const { return 0; }
  virtual std::uint64_t macs() const { return 0; }
  /// What it is worth to the team, in the units of kernels/share.hpp.
  virtual std::uint64_t work() const { return 0; }
  const file::Node& node;
};

struct GraphPlan {
  const file::Graph* graph = nullptr;
  std::deque<Slot> slots;                        ///< one per tensor of the graph, then those the plan invented
  std::deque<std::vector<std::byte>> constants;  ///< decoded; slots point into them
  std::vector<Storage> storages;
  std::vector<std::unique_ptr<Step>> steps;
  /// Tensors that have their value before the first step, and once steps[i] has run: results[i + 1].
  std::vector<std::vector<const Slot*>> results;
  std::vector<const Slot*> inputs, outputs;
  std::size_t arena_bytes = 0;
  std::uint64_t shared_work = 0;  ///< of the steps that are worth a thread
  std::vector<std::string> custom_types;
};

/// @param team  repacks the weights
/// @throws Unsupported naming the node that cannot be executed and why, ModelError for a graph that contradicts itself
GraphPlan build(const Chip& chip, const file::Graph& graph, Team& team);

}  // namespace ez_rknn::npu::plan
