#pragma once
/// Operators that run from a node's attributes: what the vendor runs on the CPU, and everything that only moves data.
/// One file a family, found here by node type. Preparing happens once at load, running often.
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor_view.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::ops {

/// One operand as known at load time. `constant` is set when its value is (a dense or strided view of the decoded
/// constant, with its quantisation); otherwise the value comes with every run.
struct OperandSpec {
  const file::Tensor* tensor = nullptr;  ///< null: operand absent
  ConstTensorView constant;
};

/// What only a node's register commands say: the scales of int8 gates, the direction of an LSTM, and how attention in
/// int8 rounds in between. Made by the plan for node types named *LSTM, *GRU and exSDPAttention.
struct NodeRegisters {
  /// One entry per constant that serves as convolution weights, in order of first use; what the output converters of
  /// the first and of the last convolution with it multiply by. Those of recurrent weights differ: the first one
  /// reads the initial state, in the scale of that.
  struct Convolution {
    std::int32_t weights = -1;  ///< tensor of the graph
    double first_factor = 1, last_factor = 1;
  };
  std::vector<Convolution> convolutions;
  int table_group = 8;   ///< rows of one group in the BS table
  bool reverse = false;  ///< one direction that starts at the last step

  /// Both products of an attention node in int8: scores = products of q and k in steps of q's and k's scales, times
  /// score_factor, plus score_offset; result = products of weights and v in steps of v's scale, times result_factor.
  /// `scale` is the part of score_factor that the network has: files of RV1103/RV1106 do not hold it as an attribute.
  struct Attention {
    double score_factor = 0, result_factor = 0, scale = 1;
    std::int32_t score_offset = 0;
  };
  std::optional<Attention> attention;  ///< absent in float, and where the products were not found
};

struct NodeSpec {
  const file::Graph& graph;
  const file::Node& node;
  /// In node order, without operands named "..._exSecondary..." (scratch) and, except for *LSTM, *GRU and RNN (whose
  /// initial states are such), without Kind::generated. A tensor that nothing has written before this node (a compute
  /// zone) is given here, but its view is null at run time: recurrent nodes only.
  std::vector<OperandSpec> inputs;
  std::vector<OperandSpec> outputs;          ///< absent where the file says -1
  const NodeRegisters* registers = nullptr;  ///< valid during the factory call only
};

/// A prepared operator. Immutable: many contexts run it at once.
class Operator {
 public:
  virtual ~Operator() = default;
  /// Views have the shapes given at load, any strides. `in[i]` of a constant operand is its constant view. Absent
  /// operands have null data. `scratch` is at least scratch_bytes() large and 64-byte aligned. Does not throw for any
  /// values in the tensors.
  virtual void run(std::span<const ConstTensorView> in, std::span<const TensorView> out,
                   std::span<std::byte> scratch) const = 0;
  virtual std::size_t scratch_bytes() const { return 0; }
};

using Factory = std::unique_ptr<Operator> (*)(const NodeSpec&);

/// The factory for a node type, nullptr when there is none.
/// A factory checks operand count, shapes, types and attributes. @throws ModelError (contradictory), Unsupported (names
/// what is missing)
Factory find(std::string_view node_type);

/// All node types with a factory, sorted; for documentation and error messages.
std::vector<std::string_view> known_types();

}  // namespace ez_rknn::npu::ops
