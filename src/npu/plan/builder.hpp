#pragma once
/// Walks a graph's nodes and adds their steps. One method a kind of node, each in its own file; every one of them
/// either adds the whole node or throws before it has changed the plan, so that another can be tried.
#include <functional>
#include <mutex>
#include <string_view>

#include "npu/kernels/dpu/layer.hpp"
#include "npu/ops/registry.hpp"
#include "npu/plan/moves.hpp"
#include "npu/plan/passes.hpp"
#include "npu/plan/plan.hpp"
#include "npu/regs/banks.hpp"

namespace ez_rknn::npu::plan {

struct Operands;

class Builder {
 public:
  Builder(const Chip& chip, const file::Graph& graph);
  GraphPlan build(Team& team);

 private:
  void add_node(const file::Node& node);
  void add_convolution(const file::Node& node, const std::vector<Pass>& passes);
  /// Weights with a scale for every so many input channels: a convolution for each group, added up in the output.
  bool is_group_sum(const file::Node& node, const std::vector<Pass>& passes) const;
  void add_group_sum(const file::Node& node, const std::vector<Pass>& passes);
  /// exMatMul with packed weights as its left operand: a convolution of its own for every image.
  bool is_constant_product(const file::Node& node) const;
  void add_constant_product(const file::Node& node, const std::vector<Pass>& passes);
  /// The packed weights a convolution reads, as the file holds them: also where a task of the node widens them first.
  file::Tensor weights_of(const file::Node& node, const Pass& convolution, const std::vector<Pass>& passes) const;
  void add_elementwise(const file::Node& node, const std::vector<Pass>& passes);
  void add_pool(const file::Node& node, const std::vector<Pass>& passes);
  void add_operator(const file::Node& node, ops::Factory factory, const std::vector<Pass>& passes);
  void add_custom(const file::Node& node);

  /// The EW operand of a layer as a slot, and `per_channel` and its type in the layer. Null when it has none.
  const Slot* resolve_operand(const file::Node& node, const Arithmetic& arithmetic, const Slot& like,
                              kernels::DpuLayer& layer);
  /// A float pass over the node's output behind its first one (LUT results are rescaled so); null when there is none.
  /// @throws Unsupported for passes that are not understood
  const Pass* rescaling_pass(const std::vector<Pass>& passes, const Pass& first, bool real) const;
  /// Adds `pass` as a step from an intermediate map to `out`, or folds it into `first` when it only multiplies.
  /// @returns what the first step writes to
  Slot* before_rescaling(const file::Node& node, const Pass* pass, Slot& out, kernels::DpuLayer& first,
                         std::unique_ptr<Step>& second);
  /// An operator of one number as the second half of `node`.
  std::unique_ptr<Step> compute_function(const file::Node& node, std::string_view type, const Slot& in,
                                         const Slot& out) const;
  Operands operands_of(const file::Node& node, ops::NodeSpec* spec);

  const file::Tensor& tensor(std::int32_t index) const;
  /// The slot of a tensor that has a value by now. @throws ModelError when nothing has written it
  Slot& value(std::int32_t index);
  /// The slot of a tensor this node writes.
  Slot& result(std::int32_t index);
  Slot& as_map(Slot& slot);
  Slot& invent(const Slot& like, DType dtype);
  bool beyond_two(const file::Node& node) const;
  bool has_value(std::int32_t index) const {
    return index >= 0 && std::size_t(index) < written_.size() && written_[std::size_t(index)];
  }

  /// The step reads and writes these; it runs next.
  void add(std::unique_ptr<Step> step, std::vector<const Slot*> reads, std::vector<const Slot*> writes);
  void finish();

  const Chip& chip_;
  const file::Graph& graph_;
  const Parts parts_;
  RegisterBanks banks_;
  GraphPlan plan_;
  std::vector<Use> uses_;      ///< of every step
  std::vector<bool> written_;  ///< by tensor
  /// Weights of a node, repacked at the end by the whole team.
  struct Packing {
    const file::Node* node;
    std::function<void()> work;
  };
  std::vector<Packing> packing_;
};

}  // namespace ez_rknn::npu::plan
