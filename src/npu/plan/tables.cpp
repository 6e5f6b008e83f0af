#include "npu/plan/tables.hpp"

#include <algorithm>

#include "core/byte_reader.hpp"
#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"
#include "npu/plan/constants.hpp"
#include "npu/regs/offset_weight.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// RV1103B/RV1106B: per 8 channels 4 x s32 bias, 4 x s16 MUL, 8 x s8 OW, 4 x s32 bias, 4 x s16 MUL. OW code -128 means
/// 128.
void read_split(const ByteReader& bytes, const TableRef& ref, int channels, ChannelTable& table) {
  std::uint64_t at = 0;
  for (int c0 = 0; c0 < channels; c0 += 4) {
    const int count = std::min(4, channels - c0);
    if (ref.bias)
      for (int c = 0; c < count; ++c) table.bias.push_back(bytes.get<std::int32_t>(at + 4 * unsigned(c), "bias table"));
    at += ref.bias ? 16 : 0;
    if (ref.mul)
      for (int c = 0; c < count; ++c) table.mul.push_back(bytes.get<std::int16_t>(at + 2 * unsigned(c), "MUL table"));
    at += ref.mul ? 8 : 0;
    if (!ref.ow || c0 % 8 != 0) continue;
    for (int c = 0; c < std::min(8, channels - c0); ++c) {
      const auto ow = bytes.get<std::int8_t>(at + unsigned(c), "OW table");
      table.ow.push_back(ow == -128 ? 128 : ow);
    }
    at += 8;
  }
}

}  // namespace

ChannelTable read_table(const Chip& chip, const file::Graph& graph, const TableRef& ref, int channels, bool real,
                        bool brain) {
  if (ref.address.tensor < 0 || std::size_t(ref.address.tensor) >= graph.tensors.size())
    throw ModelError(0, "an operand table whose address names no tensor");
  const file::Tensor& tensor = graph.tensors[std::size_t(ref.address.tensor)];
  if (!is_constant(tensor))
    throw Unsupported("tensor \"" + tensor.name + "\", which is no constant, as a per-channel table");
  if (ref.address.addend > tensor.data.size())
    throw ModelError(0, "operand table \"" + tensor.name + "\": starts at byte " + std::to_string(ref.address.addend) +
                            " of " + std::to_string(tensor.data.size()));
  const ByteReader bytes(tensor.data.subspan(ref.address.addend));
  ChannelTable table;
  if (brain && ref.mul && !ref.bias && tensor.dtype == DType::f32) {
    for (unsigned c = 0; c < unsigned(channels); ++c)
      table.mul_real.push_back(bytes.get<float>(4 * c, "float32 multipliers"));
    return table;
  }
  if (chip.family == Family::d && !real) {
    read_split(bytes, ref, channels, table);
    return table;
  }
  const int group = chip.table_group;
  std::uint64_t at = 0;
  for (int c0 = 0; c0 < channels; c0 += group) {
    const auto count = unsigned(std::min(group, channels - c0));
    const auto width = unsigned(group);
    if (ref.bias)
      for (unsigned c = 0; c < count; ++c) {
        if (real) table.bias_real.push_back(bytes.get<float>(at + 4 * c, "bias table"));
        else table.bias.push_back(bytes.get<std::int32_t>(at + 4 * c, "bias table"));
      }
    at += ref.bias ? 4 * width : 0;
    if (ref.ow)
      for (unsigned c = 0; c < count; ++c)
        table.ow.push_back(offset_weight(bytes.get<std::int16_t>(at + 2 * c, "OW table")));
    at += ref.ow ? 2 * width : 0;
    if (ref.mul)
      for (unsigned c = 0; c < count; ++c) {
        if (real) {
          const auto short_real = bytes.get<std::uint16_t>(at + 2 * c, "MUL table");
          table.mul_real.push_back(brain ? bfloat_to_float(short_real) : half_to_float(short_real));
        } else table.mul.push_back(bytes.get<std::int16_t>(at + 2 * c, "MUL table"));
      }
    at += ref.mul ? 2 * width : 0;
  }
  return table;
}

}  // namespace ez_rknn::npu::plan
