#pragma once
/// The chips as a table of differences over one base (facts: docs/format.md). A chip is an entry here, never a second
/// code base.
#include <cstdint>
#include <string_view>

namespace ez_rknn::npu {

/// Register map families: A RK3588, RK3566/68; B RK3562, RK3576, RV1126B; C RV1103/1106; D RV1103B/1106B.
enum class Family : std::uint8_t { a, b, c, d };

struct Chip {
  std::string_view name;  ///< target string of the file: "rk3588"
  Family family;
  int cores;                ///< NPU cores it has
  int c2_bytes;             ///< bytes of one pixel's channel group in NC1HWC2: 16, 8 on RK3566/68
  int table_group;          ///< channels of one group in BS/BN operand tables
  int depthwise_pair_unit;  ///< channels per run of weights/offsets in paired int8 depthwise weights; 0: plain
  bool config_tensors;      ///< BS/BN scalars live in tensors instead of registers (RK3576, RV1126B)
  int alu_algo_bit;         ///< lowest bit of the BS/BN ALU algorithm field on family A: 16, or 2 on RK3566/68
};

/// nullptr when the name is not a chip we know. Case-sensitive (files are lower case).
const Chip* find_chip(std::string_view target);
/// "rk3588, rk3566, ..." for messages.
std::string_view known_chips();

}  // namespace ez_rknn::npu
