#pragma once
/// Register commands as text, for `dump` and for error messages.
#include <string>

#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu {

/// The blocks that a task enables, as text: "CNA+CMAC+CORE+DPU".
std::string block_names(std::uint32_t enable);

/// One command word: "4040 DPU BS_CFG = 00020140: BS_ALU_SRC 1, BS_ALU_ALGO 2". Fields that are 0 are left out.
std::string disassemble(const Chip& chip, std::uint64_t word);

/// One task of a graph, a line a command: relocated values name their tensor, look-up uploads are counted, padding is
/// skipped. The first line names node, mask and place. @throws InvalidArgument for a task the graph does not have,
/// ModelError for commands outside the blob
std::string disassemble_task(const Chip& chip, const file::Graph& graph, std::size_t task);

}  // namespace ez_rknn::npu
