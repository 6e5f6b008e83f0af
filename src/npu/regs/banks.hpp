#pragma once
/// Register state across tasks. Every block (register >> 12) has two banks used alternately, so a task only writes what
/// differs from the task two steps before it in that block; and the LUT keeps its content until the next upload. Feed
/// every task of a graph, in order.
#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>

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

/// All registers as one task sees them.
struct TaskRegisters {
  std::uint32_t enable = 0;
  int lut_words = 0;  ///< LUT entries this task uploaded; > 100 means it does nothing else
  std::unordered_map<std::uint16_t, std::uint32_t> values;
  std::unordered_map<std::uint16_t, Address> addresses;

  std::uint32_t operator[](std::uint16_t reg) const {
    auto it = values.find(reg);
    return it == values.end() ? 0 : it->second;
  }
  std::optional<Address> address(std::uint16_t reg) const {
    auto it = addresses.find(reg);
    return it == addresses.end() ? std::nullopt : std::optional(it->second);
  }
};

class RegisterBanks {
 public:
  RegisterBanks(const Chip& chip, const file::Graph& graph) : chip_(chip), graph_(graph) {}
  /// Apply one task's writes and return what the hardware would run with. @throws ModelError for commands outside the
  /// blob
  TaskRegisters apply(const file::Task& task);
  /// LUT content after the tasks applied so far.
  const Lut& lut() const { return lut_; }

 private:
  struct Bank {
    std::unordered_map<std::uint16_t, std::uint32_t> values;
    std::unordered_map<std::uint16_t, Address> addresses;
  };
  const Chip& chip_;
  const file::Graph& graph_;
  std::array<std::array<Bank, 2>, 16> banks_;
  std::array<std::uint8_t, 16> pointer_{};
  std::array<bool, 16> ping_pong_{};
  Lut lut_;
  std::uint32_t lut_config_ = 0, lut_index_ = 0;
};

}  // namespace ez_rknn::npu
