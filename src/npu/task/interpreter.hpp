#pragma once
/// The task interpreter: executes a graph's register tasks literally, bank by bank and tile by tile, as RK3588 would.
/// Slow; it exists as the oracle of the planned executor. Node by node: write a node's inputs, run it, read its
/// outputs.
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "npu/task/decode.hpp"
#include "npu/task/memory.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::task {

class Interpreter {
 public:
  /// @param model  of RK3588; must outlive this
  /// @throws Unsupported for another chip, InvalidArgument for a graph the model does not have, ModelError
  explicit Interpreter(const file::Model& model, int graph = 0);

  /// Why a node's tasks are not executed; empty when they are. Nodes without tasks, the transposing writer, recurrent
  /// operators, normalisation, matrix products of activations, and whatever the decoder refuses.
  const std::string& refusal(int node) const { return nodes_.at(static_cast<std::size_t>(node)).refusal; }
  bool runs(int node) const { return refusal(node).empty(); }

  /// Stored numbers of a tensor in the arena, in row-major order of its logical shape (NCHW), converted to its type:
  /// quantised tensors take their integers. Bytes the layout leaves unused become 0.
  /// @throws InvalidArgument when the count differs, or the tensor is no activation of a type the NPU handles
  void write(int tensor, std::span<const double> values);
  std::vector<double> read(int tensor) const;

  /// Execute all tasks of a node, in order. @throws Unsupported with the refusal, ModelError when a DMA leaves memory
  void run(int node);

  const file::Graph& graph() const { return graph_; }

 private:
  struct Step {
    TypedTask task;
    std::shared_ptr<const Lut> lut;
  };
  struct NodeTasks {
    std::vector<Step> steps;
    std::string refusal;
  };
  void prepare();

  const file::Graph& graph_;
  Memory memory_;
  std::vector<NodeTasks> nodes_;
};

}  // namespace ez_rknn::npu::task
