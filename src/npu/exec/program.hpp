#pragma once
/// A loaded model and its contexts: the whole of what npurt needs from the software NPU.
///   bytes -> file::Model -> Program (immutable, shared by all contexts) -> Context (an arena and a cursor)
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/tensor_view.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu {

/// What one layer took in the last run.
struct LayerTime {
  const file::Node* node = nullptr;
  std::uint64_t nanoseconds = 0;
  std::uint64_t macs = 0;
  std::string kernel;  ///< "conv_i8/avx512vnni", "ops/Softmax"
};

/// Sees the value of one tensor of the graph. The view is valid during the call.
using TensorObserver = std::function<void(const file::Tensor&, const ConstTensorView&)>;

/// One input shape of a model: its own plan. Shapes are the interface's (batch included).
class Program {
 public:
  /// Build the plan of every graph of the file. Weights are repacked once here.
  /// @throws Unsupported naming the node, operator, register or chip that cannot be executed
  /// @throws ModelError  tables, shapes or sizes that contradict each other
  static std::shared_ptr<const Program> load(file::Model model);

  virtual ~Program() = default;
  virtual const file::Model& model() const = 0;
  virtual const Chip& chip() const = 0;
  virtual int graph_count() const = 0;
  /// Bytes one context allocates for graph `g` (its arena); weights as packed for this machine.
  virtual std::uint64_t arena_bytes(int g) const = 0;
  virtual std::uint64_t packed_weight_bytes() const = 0;
  /// Node types of custom operators ("cst...") the model needs registered before it can run.
  virtual const std::vector<std::string>& custom_operators() const = 0;
};

/// Runs one custom-operator node; registered per context. Return 0, or a negative code that becomes the run's error.
using CustomOperator =
    std::function<int(const file::Node&, std::span<const ConstTensorView>, std::span<const TensorView>)>;

class Context {
 public:
  static std::unique_ptr<Context> create(std::shared_ptr<const Program> program);
  virtual ~Context() = default;

  virtual const Program& program() const = 0;
  /// Which graph (input shape) is current; 0 at first.
  virtual int graph() const = 0;
  virtual void select_graph(int g) = 0;

  /// Where the next run reads input i / has written output i: strided views with logical shapes (batch included),
  /// native element type and quantisation. Valid until select_graph or destruction.
  virtual TensorView input(int i) = 0;
  virtual ConstTensorView output(int i) const = 0;

  /// Execute. `core_mask` as the ABI's (0 = auto): waits for those virtual cores of the process, runs, releases them.
  /// One caller at a time per context (the ABI's rule); different contexts run concurrently. @throws Error
  virtual void run(unsigned core_mask) = 0;

  virtual void register_custom(const std::string& type, CustomOperator f) = 0;
  /// From now on every run shows its inputs and every tensor it makes, as soon as it has its value: those of one sample
  /// of a batch after those of the other. Layers that the compiler fused have no tensor between them. Null ends it.
  virtual void observe(TensorObserver observer) = 0;
  /// Collect per-layer times from now on.
  virtual void collect_times(bool on) = 0;
  virtual std::vector<LayerTime> layer_times() const = 0;
  /// Microseconds the last run took.
  virtual std::int64_t last_run_us() const = 0;
};

}  // namespace ez_rknn::npu
