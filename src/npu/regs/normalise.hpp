#pragma once
/// Registers -> normal form, for every chip family.
#include "npu/regs/arithmetic.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu {

/// @param graph  holds the constants some chips keep operands in
/// @param real  whether the task's values are floating point (the source or accumulator is fp16/fp32)
/// @throws Unsupported naming the register, its value and the field when an encoding is not understood
Arithmetic normalise(const Chip& chip, const file::Graph& graph, const TaskRegisters& regs, bool real);

}  // namespace ez_rknn::npu
