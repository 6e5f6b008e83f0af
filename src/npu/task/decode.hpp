#pragma once
/// One task's registers, read literally, as RK3588 would take them. Deliberately apart from `normalise`: the two
/// readings check each other.
#include <array>
#include <optional>
#include <variant>
#include <vector>

#include "npu/regs/banks.hpp"
#include "npu/task/cube.hpp"

namespace ez_rknn::npu::task {

/// BS or BN. Operands are raw register bits; `table` ones come from the stage's per-channel table.
struct StageTask {
  bool active = false;
  bool alu = false, alu_table = false;
  int alu_operation = 0;  ///< 0 max, 1 min, 2 add
  std::uint32_t alu_operand = 0;
  bool mul = false, mul_table = false;
  std::uint16_t mul_operand = 0;
  int shift = 0, shift_negative = 0;
  bool prelu = false, relu = false, relux = false;
  std::uint32_t compare = 0;
};

/// Operands per channel: groups of 8 with 8 x 32 bit, 8 x 16 bit OW, 8 x 16 bit MUL; parts not there take no space.
struct TableTask {
  std::optional<Address> at;
  bool bias = false, ow = false, mul = false;
};

struct ElementWiseTask {
  bool active = false;
  bool lut = false;
  enum class Op : std::uint8_t { none, mul, max, min, add, div, sub } op = Op::none;
  bool from_memory = false, per_channel = false;
  std::optional<Address> at;
  Precision precision = Precision::i8;
  std::int64_t surface = 0;
  std::uint32_t constant = 0;
  bool convert = false, convert_half_up = false;
  std::int32_t offset = 0;
  std::uint16_t scale = 0;
  int shift = 0;
  int truncate = 0;
  bool relu = false, relux = false;
  std::uint32_t compare = 0;
};

struct LutTask {
  std::int32_t le_start = 0, lo_start = 0, lo_end = 0;
  int le_index_shift = 0, lo_index_shift = 0;
  std::int16_t underflow_scale = 0, overflow_scale = 0;
  int underflow_shift = 0, overflow_shift = 0;
};

struct ConverterTask {
  std::int32_t offset = 0;
  std::int16_t scale = 0;
  int shift = 0;
  int minus_exponent = 0;
  bool half_up = false;
};

/// Where results go. `columns`: the writer of bilinear resize phases, which puts every pixel at its own place.
struct WriterTask {
  Address to;
  Precision precision = Precision::i8;
  std::int64_t surface = 0;
  int notch = 0;          ///< pixels between the end of a row and the next
  int real_channels = 0;  ///< ORIG_CHANNEL
  bool columns = false;
  int wdma_height = 0, wdma_channels = 0;
  std::int64_t column_row = 0;  ///< bytes between rows, column writer
};

struct DpuTask {
  bool real = false;
  TableTask bs_table, bn_table;
  bool ow = false;
  std::int32_t ow_operand = 0;
  int truncate = 0;  ///< of the accumulator, behind OW (CORE)
  StageTask bs, bn;
  ElementWiseTask ew;
  LutTask lut;
  ConverterTask out;
  WriterTask writer;
};

struct ConvTask {
  Precision precision = Precision::i8;
  bool depthwise = false;
  int interleaved = 0;  ///< channels of an image input, 0 for NC1HWC2
  Address feature, weights;
  CubeAt input;  ///< base unused; for images `line` only
  int in_width = 0, in_height = 0, in_channels = 0;
  int kernel_w = 0, kernel_h = 0, kernels = 0, kernel_bytes = 0;
  int stride_x = 0, stride_y = 0, dilation_x = 0, dilation_y = 0;
  int insert_x = 1, insert_y = 1;  ///< transposed convolution: distance of two inputs
  int pad_top = 0, pad_left = 0;
  std::uint32_t pad_value = 0;
  int out_width = 0, out_height = 0, out_channels = 0;
  DpuTask dpu;
};

/// The DPU on its own ("flying").
struct FlyingTask {
  Address from;
  std::optional<Address> second;  ///< COMB_USE: the second DMA reads the odd surfaces from here
  Precision precision = Precision::i8;
  int width = 0, height = 0, channels = 0;
  std::int64_t line = 0, surface = 0;
  enum class Reduce : std::uint8_t { none, max, min } reduce = Reduce::none;  ///< over the channels
  bool packed_plane = false;  ///< the result of a reduction is one element a pixel
  DpuTask dpu;
};

/// Copies of 16-byte pixels: nearest-neighbour enlargement, one task a surface.
struct UnpoolTask {
  Address from, to;
  int width = 0, height = 0, repeat_x = 1, repeat_y = 1, out_width = 0;
  std::int64_t line = 0, out_line = 0, copy_stride = 0;
};

struct PoolTask {
  Address from, to;
  Precision precision = Precision::i8;
  int in_width = 0, in_height = 0, channels = 0, out_width = 0, out_height = 0;
  std::int64_t in_line = 0, in_surface = 0, out_line = 0, out_surface = 0;
  enum class Method : std::uint8_t { average, max, min } method = Method::max;
  int kernel_w = 1, kernel_h = 1, stride_x = 1, stride_y = 1, pad_left = 0, pad_top = 0;
  std::int64_t pad_value = 0;
  double reciprocal = 0;  ///< of the window's area
};

struct LutUpload {};

using TypedTask = std::variant<LutUpload, ConvTask, FlyingTask, UnpoolTask, PoolTask>;

/// Every tensor a task takes per-channel operands from, for checks that need the graph.
std::vector<std::int32_t> table_tensors(const TypedTask& task);

/// @throws Unsupported naming register and field for what the interpreter does not execute
TypedTask decode(const TaskRegisters& regs);

}  // namespace ez_rknn::npu::task
