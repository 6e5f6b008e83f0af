#pragma once
/// The tasks of one node, told apart by what they read and write. Tiles of one pass (rows, kernel groups) are merged: a
/// node is executed as whole layers.
#include <vector>

#include "npu/regs/arithmetic.hpp"
#include "npu/regs/banks.hpp"
#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

enum class Unit { convolution, dpu, pool };

/// What a chip's tasks have in their address registers.
struct AddressRegisters {
  std::uint16_t feature, weights, destination, source, operand, pool_source, pool_destination;
};
AddressRegisters address_registers(const Chip& chip);

struct Pass {
  Unit unit = Unit::dpu;
  TaskRegisters registers;                                                 ///< of the first tile
  Lut lut;                                                                 ///< as that tile saw it
  std::int32_t source = -1, destination = -1, operand = -1, weights = -1;  ///< tensors; -1: the address names none
  std::vector<TaskRegisters> further;  ///< later tiles, for checking that they agree
  std::vector<std::uint32_t> order;    ///< place of each tile among the node's tasks
  const TaskRegisters& tile(std::size_t i) const { return i == 0 ? registers : further[i - 1]; }
};

/// Tensors that lie inside others: a Split without tasks gives parts of its input names. Tasks that read such a part
/// have the address of the whole, and where the part begins is in the addend.
class Parts {
 public:
  explicit Parts(const file::Graph& graph);
  /// Addresses of what `node` has as inputs name those.
  void name(const file::Node& node, TaskRegisters& registers) const;

 private:
  const file::Graph& graph_;
  std::vector<std::int32_t> whole_;  ///< by tensor, -1 when it is no part
};

/// Feed the tasks of `node` through the banks, in order, and sort them into passes. LUT uploads are absorbed by the
/// banks and leave no pass.
/// @param keep  collect passes; otherwise only the register state advances
std::vector<Pass> collect_passes(const Chip& chip, const file::Graph& graph, const file::Node& node, const Parts& parts,
                                 RegisterBanks& banks, bool keep);

/// The arithmetic of a pass. @param real  its values are floating point
/// @throws Unsupported when its tiles differ in more than their addresses, or as `normalise`
Arithmetic arithmetic_of(const Chip& chip, const file::Graph& graph, const Pass& pass, bool real);

}  // namespace ez_rknn::npu::plan
