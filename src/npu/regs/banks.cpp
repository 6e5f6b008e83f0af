#include "npu/regs/banks.hpp"

#include <algorithm>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu {
namespace {

constexpr std::uint16_t kPointerOffset = 0x004;  // S_POINTER of every block
constexpr std::uint16_t kLutConfig = 0x4100, kLutData = 0x4104;

constexpr std::uint16_t register_of(std::uint64_t word) { return static_cast<std::uint16_t>(word); }
constexpr std::uint32_t value_of(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 16); }
constexpr bool in_a_block(std::uint16_t reg) {
  return reg >> 12 >= register_space::kFirstBlock && reg >> 12 < register_space::kFirstBlock + register_space::kBlocks;
}

/// What one command word writes besides its S_POINTER: nothing for padding, PC chaining and blocks we do not model.
constexpr bool writes(std::uint64_t word) {
  return word != 0 && in_a_block(register_of(word)) && (register_of(word) & 0xfff) != kPointerOffset;
}

}  // namespace

void TaskRegisters::set_address(std::uint16_t reg, Address address) {
  auto it = std::find_if(addresses_.begin(), addresses_.end(), [&](const auto& a) { return a.first >= reg; });
  if (it != addresses_.end() && it->first == reg) it->second = address;
  else addresses_.insert(it, {reg, address});
}

void RegisterBanks::write(std::uint16_t reg, std::uint32_t value, const file::Relocation* relocation) {
  if (!register_space::holds(reg)) return;
  Block& block = blocks_[static_cast<std::size_t>((reg >> 12) - register_space::kFirstBlock)];
  Bank& bank = block.banks[block.pointer];
  const std::size_t slot = (reg & 0xfffu) / 4;
  bank.values[slot] = value;
  bank.relocated[slot] = relocation != nullptr;
  if (relocation) bank.addresses[slot] = {relocation->tensor, relocation->addend};
}

/// The look-up table's port is a stream, not a register: returns true for an entry that was stored.
bool RegisterBanks::upload(std::uint16_t reg, std::uint32_t value) {
  if (reg == kLutConfig) {
    lut_config_ = value;
    lut_index_ = value & 0x3ff;
    return false;
  }
  const bool write_access = lut_config_ >> 17 & 1, second_table = lut_config_ >> 16 & 1;
  if (!write_access || lut_index_ >= lut_.le.size()) return false;
  (second_table ? lut_.lo : lut_.le)[lut_index_++] = static_cast<std::int16_t>(value);
  return true;
}

TaskRegisters RegisterBanks::apply(const file::Task& task) {
  const auto& commands = graph_.commands;
  if (task.first_word > commands.size() || task.words > commands.size() - task.first_word)
    throw ModelError(task.first_word * 8, "a task's commands, words " + std::to_string(task.first_word) + " to " +
                                              std::to_string(task.first_word + task.words) +
                                              ", leave the register commands of " + std::to_string(commands.size()) +
                                              " words");
  const std::uint64_t end = task.first_word + task.words;

  // The pointers are set for the whole task before its first write lands, wherever the write of S_POINTER stands.
  for (std::uint64_t w = task.first_word; w < end; ++w) {
    const std::uint16_t reg = register_of(commands[w]);
    if ((reg & 0xfff) != kPointerOffset || !in_a_block(reg)) continue;
    Block& block = blocks_[static_cast<std::size_t>((reg >> 12) - register_space::kFirstBlock)];
    const std::uint32_t value = value_of(commands[w]);
    if (value & 0x10) block.pointer = 0;
    block.ping_pong = value >> 1 & 1;
  }

  TaskRegisters out;
  out.enable = task.enable;
  const auto& relocations = graph_.relocations;
  auto next = std::lower_bound(relocations.begin(), relocations.end(), task.first_word,
                               [](const file::Relocation& r, std::uint64_t word) { return r.word < word; });
  for (std::uint64_t w = task.first_word; w < end; ++w) {
    if (!writes(commands[w])) continue;
    const std::uint16_t reg = register_of(commands[w]);
    const std::uint32_t value = value_of(commands[w]);
    if (reg == kLutConfig) upload(reg, value);
    if (reg == kLutData) {
      out.lut_words += upload(reg, value);
      continue;
    }
    while (next != relocations.end() && next->word < w) ++next;
    write(reg, value, next != relocations.end() && next->word == w ? &*next : nullptr);
  }

  for (int b = 0; b < register_space::kBlocks; ++b) {
    if (!(task.enable >> b & 1)) continue;
    Block& block = blocks_[static_cast<std::size_t>(b)];
    const Bank& bank = block.banks[block.pointer];
    std::copy(bank.values.begin(), bank.values.end(), out.values_.begin() + b * register_space::kPerBlock);
    if (bank.relocated.any())
      for (std::size_t slot = 0; slot < bank.relocated.size(); ++slot)
        if (bank.relocated[slot])
          out.addresses_.emplace_back(
              static_cast<std::uint16_t>((b + register_space::kFirstBlock) << 12 | static_cast<int>(slot) * 4),
              bank.addresses[slot]);
    if (block.ping_pong) block.pointer ^= 1;
  }
  return out;
}

}  // namespace ez_rknn::npu
