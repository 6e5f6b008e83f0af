#pragma once
/// Register state across tasks. Every block (register >> 12) has two banks used alternately, so a task only writes what
/// differs from the task two steps before it in that block; and the LUT keeps its content until the next upload. Feed
/// every task of a graph, in order.
#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <vector>

#include "npu/regs/chip.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu {

/// Where an address register points: a tensor of the graph plus a byte offset.
struct Address {
  std::int32_t tensor = -1;
  std::uint32_t addend = 0;
  bool operator==(const Address&) const = default;
};

/// Both tables of the DPU's look-up unit: LE (negative inputs) and LO.
struct Lut {
  std::array<std::int16_t, 513> le{}, lo{};
  bool operator==(const Lut&) const = default;
};

/// Registers as a flat array: blocks 1 (CNA) to 7 (PPU_RDMA), the first 0x280 bytes of each. What lies beyond is known
/// only from barrier tasks of RK3576 (0x28xx) and is not kept.
namespace register_space {
inline constexpr int kFirstBlock = 1, kBlocks = 7, kPerBlock = 160;

constexpr bool holds(std::uint16_t reg) {
  const int block = reg >> 12;
  return block >= kFirstBlock && block < kFirstBlock + kBlocks && (reg & 0xfff) < 4 * kPerBlock && reg % 4 == 0;
}
/// Index into the flat array of a register it holds.
constexpr std::size_t index(std::uint16_t reg) {
  return static_cast<std::size_t>(((reg >> 12) - kFirstBlock) * kPerBlock + (reg & 0xfff) / 4);
}
}  // namespace register_space

/// All registers as one task sees them. Blocks the task does not enable read as 0.
class TaskRegisters {
 public:
  std::uint32_t enable = 0;
  int lut_words = 0;  ///< LUT entries this task uploaded; > 100 means it does nothing else

  std::uint32_t operator[](std::uint16_t reg) const {
    return register_space::holds(reg) ? values_[register_space::index(reg)] : 0;
  }
  std::optional<Address> address(std::uint16_t reg) const {
    for (const auto& [r, a] : addresses_)
      if (r == reg) return a;
    return std::nullopt;
  }
  /// Every relocated register, ascending.
  const std::vector<std::pair<std::uint16_t, Address>>& addresses() const { return addresses_; }

  /// For tests and tools that make register sets by hand. Registers outside the space are ignored.
  void set(std::uint16_t reg, std::uint32_t value) {
    if (register_space::holds(reg)) values_[register_space::index(reg)] = value;
  }
  void set_address(std::uint16_t reg, Address address);

 private:
  friend class RegisterBanks;
  std::array<std::uint32_t, register_space::kBlocks * register_space::kPerBlock> values_{};
  std::vector<std::pair<std::uint16_t, Address>> addresses_;
};

class RegisterBanks {
 public:
  /// @param graph  must outlive this
  RegisterBanks(const Chip& chip, const file::Graph& graph) : chip_(chip), graph_(graph) {}
  /// Apply one task's writes and return what the hardware would run with. Tasks in rising order of their words are
  /// cheapest. @throws ModelError for commands outside the blob
  TaskRegisters apply(const file::Task& task);
  /// LUT content after the tasks applied so far.
  const Lut& lut() const { return lut_; }
  const Chip& chip() const { return chip_; }

 private:
  struct Bank {
    std::array<std::uint32_t, register_space::kPerBlock> values{};
    std::array<Address, register_space::kPerBlock> addresses{};
    std::bitset<register_space::kPerBlock> relocated;
  };
  struct Block {
    std::array<Bank, 2> banks;
    std::uint8_t pointer = 0;
    bool ping_pong = true;
  };
  void write(std::uint16_t reg, std::uint32_t value, const file::Relocation* relocation);
  bool upload(std::uint16_t reg, std::uint32_t value);

  const Chip& chip_;
  const file::Graph& graph_;
  std::array<Block, register_space::kBlocks> blocks_;
  Lut lut_;
  std::uint32_t lut_config_ = 0, lut_index_ = 0;
};

}  // namespace ez_rknn::npu
