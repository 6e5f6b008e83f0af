#pragma once
/// The one implementation of Program: a model and a plan for each of its graphs.
#include <deque>

#include "npu/exec/program.hpp"
#include "npu/plan/plan.hpp"

namespace ez_rknn::npu {

class Loaded final : public Program {
 public:
  explicit Loaded(file::Model model);

  const file::Model& model() const override { return model_; }
  const Chip& chip() const override { return chip_; }
  int graph_count() const override { return static_cast<int>(plans_.size()); }
  std::uint64_t arena_bytes(int g) const override;
  std::uint64_t packed_weight_bytes() const override;
  const std::vector<std::string>& custom_operators() const override { return custom_; }

  const plan::GraphPlan& plan(int g) const { return plans_.at(std::size_t(g)); }

 private:
  const file::Model model_;
  const Chip& chip_;
  std::deque<plan::GraphPlan> plans_;
  std::vector<std::string> custom_;
};

}  // namespace ez_rknn::npu
