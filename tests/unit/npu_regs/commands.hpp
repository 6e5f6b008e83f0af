#pragma once
/// Register programs made by hand: words are appended, cut into tasks and relocated, as the compiler lays them out.
#include <initializer_list>
#include <utility>
#include <vector>

#include "npu/regs/banks.hpp"

namespace ez_rknn::npu::test {

constexpr std::uint64_t command(std::uint16_t reg, std::uint32_t value) {
  return std::uint64_t{value} << 16 | reg;  // the target field says nothing the register does not
}

class Program {
 public:
  file::Graph graph;

  void write(std::uint16_t reg, std::uint32_t value) { graph.commands.push_back(command(reg, value)); }
  void relocate(std::uint16_t reg, std::int32_t tensor, std::uint32_t addend = 0) {
    graph.relocations.push_back({graph.commands.size(), tensor, addend});
    write(reg, addend);
  }
  /// S_POINTER as the compiler sets it at the start of a task. @param reset  back to bank 0
  void pointer(int block, bool reset, bool ping_pong = true) {
    write(static_cast<std::uint16_t>(block << 12 | 4), (ping_pong ? 0xeu : 0u) | (reset ? 0x30u : 0u));
  }
  /// Everything written since the last task becomes a task of `node`.
  file::Task task(std::uint32_t enable, std::uint32_t node = 0) {
    file::Task t{node, enable, begin_, static_cast<std::uint32_t>(graph.commands.size() - begin_)};
    begin_ = graph.commands.size();
    graph.tasks.push_back(t);
    return t;
  }

 private:
  std::uint64_t begin_ = 0;
};

inline TaskRegisters registers(std::uint32_t enable,
                               std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> values,
                               std::initializer_list<std::pair<std::uint16_t, Address>> addresses = {}) {
  TaskRegisters r;
  r.enable = enable;
  for (const auto& [reg, value] : values) r.set(reg, value);
  for (const auto& [reg, address] : addresses) r.set_address(reg, address);
  return r;
}

}  // namespace ez_rknn::npu::test
