#pragma once
/// Per-channel operand tables of the BS and BN stages: bias, OW (the weights' zero point, negated) and MUL, in groups
/// of a chip's table_group channels; parts that are absent take no space.
#include <cstdint>
#include <vector>

#include "npu/regs/arithmetic.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

/// One entry per channel, or empty where the part is absent. Integer pipelines fill bias and mul, float ones the reals.
struct ChannelTable {
  std::vector<std::int32_t> bias, ow, mul;
  std::vector<float> bias_real, mul_real;
};

/// @param brain  multipliers of a float pipeline are bfloat16 instead of f16; compilers leave those of a table of their
///               own as float32
/// @throws ModelError when the table's tensor ends before the last channel, Unsupported when it is no constant
ChannelTable read_table(const Chip& chip, const file::Graph& graph, const TableRef& ref, int channels, bool real,
                        bool brain = false);

}  // namespace ez_rknn::npu::plan
