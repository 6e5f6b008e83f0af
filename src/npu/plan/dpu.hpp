#pragma once
/// Arithmetic of a task + the file's tables -> a DpuLayer the kernels can run.
#include "npu/kernels/dpu/layer.hpp"
#include "npu/regs/arithmetic.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

/// Everything but `ew.per_channel` and the operand's type, which depend on the operand tensor.
/// @throws ModelError for tables that do not fit, Unsupported for output types the DPU does not write
kernels::DpuLayer resolve(const Chip& chip, const file::Graph& graph, const Arithmetic& arithmetic, const Lut& lut,
                          int channels, DType out_type);

/// True when two tasks do the same to a value: all fields but the addresses.
bool same_arithmetic(const Arithmetic& a, const Arithmetic& b);

/// A pass that only multiplies, as one number: what it multiplies a float with. Such a pass can be folded into the
/// output converter before it.
std::optional<double> pure_scale(const kernels::DpuLayer& layer);

}  // namespace ez_rknn::npu::plan
