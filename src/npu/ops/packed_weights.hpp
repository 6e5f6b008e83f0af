#pragma once
/// The weights of recurrent nodes as plain floats. The compiler packs them for the convolutions the NPU would run; for
/// int8 their scales stand partly in the bias table and partly in the registers of those convolutions.
#include <span>
#include <vector>

#include "npu/ops/check.hpp"

namespace ez_rknn::npu::ops {

/// Blocks one after the other, each of `rows` x `columns`, in ONNX order (direction, then gate).
struct Gates {
  std::int64_t blocks = 0, rows = 0, columns = 0;
  std::vector<float> values;

  const float* block(std::int64_t b) const { return values.data() + b * rows * columns; }
};

struct RecurrentWeights {
  std::int64_t directions = 0, gates = 0, hidden = 0, inputs = 0;
  Gates w, r;
  /// [direction][0 for W, 1 for R][gate][hidden]
  std::vector<float> bias;
};

/// Operands 1 (W), 2 (R) and 3 (biases) of a recurrent node with `gates` gates, packed or plain ONNX.
/// @throws ModelError, Unsupported
RecurrentWeights read_recurrent_weights(const Checked& node, std::int64_t gates);

/// What runs on the CPU keeps its constants in float32; quantised networks have the quantisation of operand `i` beside
/// them, those of halves nothing.
/// The simulator computes with rounded constants (or halves), and so does this.
void round_as_recorded(const Checked& node, int i, std::span<float> values);

}  // namespace ez_rknn::npu::ops
