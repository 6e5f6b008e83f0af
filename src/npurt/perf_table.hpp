#pragma once
/// The text of RKNN_QUERY_PERF_DETAIL.
#include <span>
#include <string>

#include "npu/exec/program.hpp"

namespace ez_rknn::npurt {

/// A table of layers, their total, and a ranking by operator. Columns stand where programs that read such tables expect
/// them; what a CPU cannot know (cycles, load of hardware units) is a backslash or zero. An empty `times` gives the
/// table without rows.
std::string perf_table(std::span<const npu::LayerTime> times, const npu::Program& program, int graph);

}  // namespace ez_rknn::npurt
