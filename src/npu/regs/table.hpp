#pragma once
/// The registers as data: what the disassembler prints, and what tests walk. RK3588 is written out; of the other chips
/// only what differs, or is known at all. Names are those of NVDLA, of the open kernel and Mesa drivers and of the SoC
/// manual where they have one.
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "npu/regs/chip.hpp"

namespace ez_rknn::npu {

/// Where a row comes from.
enum class Provenance : std::uint8_t {
  open,      ///< the open drivers or the SoC manual name it, and files agree
  measured,  ///< found by comparing files and results; the name is ours
  unknown,   ///< seen in files, meaning not known
};

struct RegisterField {
  std::uint8_t low, high;  ///< bits, both included
  const char* name;
  const char* note = "";
};

struct Register {
  std::uint16_t offset;
  const char* name;
  Provenance provenance = Provenance::open;
  const char* note = "";
  std::initializer_list<RegisterField> fields = {};  ///< ascending; empty: the register is one number
};

/// "CNA", "CORE", "DPU", ...; "?" for a block nobody has. @param reg  any register of the block
const char* block_name(std::uint16_t reg);

/// The row of a register on a chip; nullptr when nothing is known of it.
const Register* find_register(const Chip& chip, std::uint16_t reg);

/// Tables a chip is looked up in, first hit first. For tests and tools that walk them.
std::vector<std::span<const Register>> register_tables(const Chip& chip);

/// "CONV_CON1", or "CNA_1018" for one without a row.
std::string register_name(const Chip& chip, std::uint16_t reg);

}  // namespace ez_rknn::npu
