#include "npu/plan/passes.hpp"

#include <algorithm>
#include <span>
#include <string>

#include "ez_rknn/error.hpp"
#include "npu/plan/dpu.hpp"
#include "npu/regs/normalise.hpp"

namespace ez_rknn::npu::plan {
namespace {

constexpr std::uint32_t kCna = 1, kDpu = 8, kPpu = 0x20;
constexpr int kLutUpload = 100;  ///< words; a task that uploads more does nothing else

std::int32_t tensor_at(const file::Graph& graph, const TaskRegisters& regs, std::uint16_t reg) {
  const auto a = regs.address(reg);
  if (!a) return -1;
  if (a->tensor < -1 || a->tensor >= static_cast<std::int64_t>(graph.tensors.size()))
    throw ModelError(
        0, "an address of tensor " + std::to_string(a->tensor) + " of " + std::to_string(graph.tensors.size()));
  return a->tensor;
}

}  // namespace

Parts::Parts(const file::Graph& graph) : graph_(graph), whole_(graph.tensors.size(), -1) {
  for (const auto& node : graph.nodes) {
    if (node.type != "Split" || node.task_count != 0 || node.inputs.empty()) continue;
    for (auto part : node.outputs)
      if (part >= 0 && std::size_t(part) < whole_.size()) whole_[std::size_t(part)] = node.inputs[0];
  }
}

void Parts::name(const file::Node& node, TaskRegisters& registers) const {
  for (auto [reg, address] : registers.addresses()) {
    if (address.tensor < 0 || std::size_t(address.tensor) >= whole_.size()) continue;
    const std::uint64_t at = std::uint64_t{graph_.tensors[std::size_t(address.tensor)].arena_offset} + address.addend;
    std::int32_t found = -1;
    for (auto i : node.inputs) {
      if (i < 0 || whole_[std::size_t(i)] != address.tensor) continue;
      const auto& part = graph_.tensors[std::size_t(i)];
      if (at < part.arena_offset || at - part.arena_offset >= part.size) continue;
      // The first part may have the size of the whole: the last one that begins before the address is meant.
      if (found < 0 || part.arena_offset > graph_.tensors[std::size_t(found)].arena_offset) found = i;
    }
    if (found >= 0)
      registers.set_address(reg, {found, std::uint32_t(at - graph_.tensors[std::size_t(found)].arena_offset)});
  }
}

AddressRegisters address_registers(const Chip& chip) {
  switch (chip.family) {
    case Family::a: return {0x1070, 0x1110, 0x4020, 0x5018, 0x5038, 0x701c, 0x6070};
    case Family::b: return {0x1088, 0x1110, 0x4018, 0x5018, 0x5038, 0x701c, 0x6070};
    case Family::c: return {0x1070, 0x1110, 0x4020, 0x5018, 0x5038, 0x701c, 0x6070};
    case Family::d: return {0x1034, 0x1038, 0x4010, 0x5018, 0x5038, 0x701c, 0x6070};
  }
  return {};
}

std::vector<Pass> collect_passes(const Chip& chip, const file::Graph& graph, const file::Node& node, const Parts& parts,
                                 RegisterBanks& banks, bool keep) {
  const auto at = address_registers(chip);
  if (node.first_task > graph.tasks.size() || node.task_count > graph.tasks.size() - node.first_task)
    throw ModelError(0, "tasks " + std::to_string(node.first_task) + " and " + std::to_string(node.task_count) +
                            " more of " + std::to_string(graph.tasks.size()));
  std::vector<Pass> passes;
  std::uint32_t number = 0;
  for (const auto& task : std::span(graph.tasks).subspan(node.first_task, node.task_count)) {
    TaskRegisters regs = banks.apply(task);
    ++number;
    if (!keep || regs.lut_words > kLutUpload) continue;
    parts.name(node, regs);
    Pass pass;
    if (task.enable & kCna) {
      pass.unit = Unit::convolution;
      pass.source = tensor_at(graph, regs, at.feature), pass.weights = tensor_at(graph, regs, at.weights);
    } else if (task.enable & kDpu) {
      pass.unit = Unit::dpu;
      pass.source = tensor_at(graph, regs, at.source);
    } else if (task.enable & kPpu) {
      pass.unit = Unit::pool;
      pass.source = tensor_at(graph, regs, at.pool_source);
    } else {
      continue;
    }
    pass.destination = tensor_at(graph, regs, pass.unit == Unit::pool ? at.pool_destination : at.destination);
    pass.operand = pass.unit == Unit::pool ? -1 : tensor_at(graph, regs, at.operand);
    const auto known = std::find_if(passes.begin(), passes.end(), [&](const Pass& p) {
      return p.unit == pass.unit && p.source == pass.source && p.destination == pass.destination &&
             p.weights == pass.weights && p.operand == pass.operand;
    });
    if (known != passes.end()) {
      known->further.push_back(std::move(regs));
      known->order.push_back(number);
      continue;
    }
    pass.registers = std::move(regs), pass.lut = banks.lut(), pass.order = {number};
    passes.push_back(std::move(pass));
  }
  return passes;
}

Arithmetic arithmetic_of(const Chip& chip, const file::Graph& graph, const Pass& pass, bool real) {
  const Arithmetic first = normalise(chip, graph, pass.registers, real);
  for (const auto& regs : pass.further)
    if (!same_arithmetic(first, normalise(chip, graph, regs, real)))
      throw Unsupported("its tiles do not agree in their arithmetic");
  return first;
}

}  // namespace ez_rknn::npu::plan
