#include "npu/ops/packed_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/fp16.hpp"
#include "npu/ops/rows.hpp"

namespace ez_rknn::npu::ops {
namespace {

constexpr std::int64_t kInput = 0, kW = 1, kR = 2, kBias = 3, kInitialState = 5;
constexpr std::int64_t kMostColumns = 64;
// int8 networks keep the recurrent state at this scale, with zero point 0; one that is made of nothing has the other.
constexpr double kStateScale = 1.0 / 128, kZeroStateScale = 1.0 / 127;

const file::Tensor& tensor(const Checked& node, std::int64_t i) {
  node.in(static_cast<int>(i));
  return *node.spec().inputs[static_cast<std::size_t>(i)].tensor;
}

/// Bytes of a constant that belong to it; buffers may be longer.
std::span<const std::byte> payload(const file::Tensor& t) {
  return t.size != 0 && t.size < t.data.size() ? t.data.first(t.size) : t.data;
}

struct Grouping {
  std::int64_t rows, columns;
};

/// The native shape begins with (groups of rows, groups of columns, 1, 1, rows, columns in a group); chips differ.
Grouping grouping_of(const Checked& node, const file::Tensor& t) {
  const auto& native = t.native_shape;
  if (native.size() < 6 || native[4] < 1 || native[5] < 1 || native[5] > kMostColumns)
    node.wrong("has weights \"" + t.name + "\" without a native shape of a 1x1 convolution");
  return {native[4], native[5]};
}

/// Each block lies as a 1x1 convolution's weights: groups of output rows, in each groups of inputs, in those the
/// inputs of each row side by side; the last groups are as small as what is left.
Gates unpack(const Checked& node, const file::Tensor& t, std::int64_t blocks, std::int64_t rows, std::int64_t columns) {
  if (t.dtype != DType::i8 && t.dtype != DType::f16)
    node.missing(std::string("recurrent weights of type ") + name_of(t.dtype));
  const auto bytes = payload(t);
  const std::int64_t elements = static_cast<std::int64_t>(bytes.size() / size_of(t.dtype));
  const std::int64_t packed_rows = t.shape.rank() > 0 ? t.shape[0] : 0;
  const std::int64_t block = elements / blocks, packed_columns = packed_rows > 0 ? block / packed_rows : 0;
  if (packed_rows < rows || packed_columns < columns)
    node.wrong("has packed weights \"" + t.name + "\" of " + std::to_string(bytes.size()) + " bytes for " +
               std::to_string(blocks) + " matrices of " + std::to_string(rows) + " x " + std::to_string(columns));
  Gates g{blocks, rows, columns, std::vector<float>(static_cast<std::size_t>(blocks * rows * columns))};
  const ConstTensorView view{bytes.data(), t.dtype, {}, {}, {}};
  const auto [row_group, column_group] = grouping_of(node, t);
  float run[kMostColumns];
  for (std::int64_t b = 0; b < blocks; ++b) {
    std::int64_t at = b * block;
    for (std::int64_t o = 0; o < packed_rows; o += row_group)
      for (std::int64_t i = 0; i < packed_columns; i += column_group) {
        const std::int64_t no = std::min(row_group, packed_rows - o), ni = std::min(column_group, packed_columns - i);
        for (std::int64_t row = o; row < o + no; ++row, at += ni) {
          if (row >= rows || i >= columns) continue;
          load_row(view, at, 1, ni, run);
          std::copy_n(run, std::min(ni, columns - i), g.values.data() + (b * rows + row) * columns + i);
        }
      }
  }
  return g;
}

const NodeRegisters::Convolution& convolution_with(const Checked& node, std::int64_t operand) {
  const auto* registers = node.spec().registers;
  const std::int32_t index = [&] {
    const auto& t = tensor(node, operand);
    for (std::size_t i = 0; i < node.spec().graph.tensors.size(); ++i)
      if (&node.spec().graph.tensors[i] == &t) return static_cast<std::int32_t>(i);
    return -1;
  }();
  if (registers)
    for (const auto& c : registers->convolutions)
      if (c.weights == index) return c;
  node.missing("int8 weights \"" + tensor(node, operand).name + "\" that no convolution of the node uses");
}

/// The scale of the scratch tensor that the node's convolutions write to.
double compute_zone_scale(const Checked& node) {
  for (const auto& o : node.spec().inputs)
    if (o.tensor && o.tensor->name.find("compute_zone") != std::string::npos)
      return static_cast<double>(o.tensor->quant.scale);
  node.wrong("lacks its compute zone");
}

/// The scale of the state that recurrent weights meet in their last convolution. A network of one step has the first
/// alone, which reads the initial state.
double state_scale(const Checked& node, const NodeRegisters::Convolution& recurrent) {
  if (recurrent.last_factor != recurrent.first_factor) return kStateScale;
  const auto& state = tensor(node, kInitialState);
  return state.quantised ? double{state.quant.scale} : kZeroStateScale;
}

/// Biases that the network lacks are made by the compiler, as a constant of such a name; with them the converters of
/// the recurrent weights multiply by twice what they should.
bool lacks_biases(const Checked& node) { return tensor(node, kBias).name.ends_with("_input_B"); }

/// int8: a BS table, for each group of rows (8, 4 on some chips) s32 biases, s16 weight offsets, s16 multipliers.
/// real weight = (w + offset) * multiplier * 2^-14 * converter * zone scale / scale of what it is multiplied with.
void dequantise(const Checked& node, RecurrentWeights& weights, std::int64_t packed_rows) {
  const auto table = payload(tensor(node, kBias));
  const std::int64_t blocks = weights.directions * 2 * weights.gates;
  const std::int64_t rows = node.spec().registers ? node.spec().registers->table_group : 8;
  if (packed_rows % rows != 0 || static_cast<std::int64_t>(table.size()) < blocks * packed_rows * 8)
    node.wrong("has a bias table of " + std::to_string(table.size()) + " bytes for " + std::to_string(blocks) + " x " +
               std::to_string(packed_rows) + " rows");
  const double zone = compute_zone_scale(node);
  const Quant input = node.in(kInput).quant;
  for (std::int64_t side = 0; side < 2; ++side) {
    Gates& g = side == 0 ? weights.w : weights.r;
    const auto& convolution = convolution_with(node, side == 0 ? kW : kR);
    const double repair = side == 1 && lacks_biases(node) ? 0.5 : 1;
    const double converter = convolution.last_factor * repair * zone * 0x1p-14;
    const double partner = side == 0 ? double{input.scale} : state_scale(node, convolution);
    const double zero = side == 0 ? input.zero_point : 0;
    for (std::int64_t d = 0; d < weights.directions; ++d)
      for (std::int64_t gate = 0; gate < weights.gates; ++gate)
        for (std::int64_t h = 0; h < weights.hidden; ++h) {
          const std::int64_t line = ((d * 2 + side) * weights.gates + gate) * packed_rows + h;
          const std::byte* group = table.data() + line / rows * rows * 8;
          std::int32_t bias;
          std::int16_t offset, multiplier;
          std::memcpy(&bias, group + line % rows * 4, 4);
          if (bias == std::numeric_limits<std::int32_t>::min() || bias == std::numeric_limits<std::int32_t>::max())
            node.missing("biases that did not fit into 32 bits when it was compiled");
          std::memcpy(&offset, group + rows * 4 + line % rows * 2, 2);
          std::memcpy(&multiplier, group + rows * 6 + line % rows * 2, 2);
          const double scale = multiplier * converter;
          float* row = g.values.data() + ((d * weights.gates + gate) * g.rows + h) * g.columns;
          double sum = 0;
          for (std::int64_t i = 0; i < g.columns; ++i) {
            const double w = static_cast<double>(row[i]) + offset;
            sum += w;
            row[i] = static_cast<float>(w * scale / partner);
          }
          const auto at = static_cast<std::size_t>(((d * 2 + side) * weights.gates + gate) * weights.hidden + h);
          weights.bias[at] = static_cast<float>((bias + zero * sum) * scale);
        }
  }
}

/// fp16: f32 in ONNX order, each row of the table padded alike.
void read_real_bias(const Checked& node, RecurrentWeights& weights) {
  const auto table = payload(tensor(node, kBias));
  const std::int64_t lines = weights.directions * 2 * weights.gates;
  const std::int64_t padded = static_cast<std::int64_t>(table.size() / sizeof(float)) / lines;
  if (padded < weights.hidden)
    node.wrong("has a bias table of " + std::to_string(table.size()) + " bytes for " + std::to_string(lines) + " x " +
               std::to_string(weights.hidden) + " numbers");
  for (std::int64_t l = 0; l < lines; ++l)
    std::memcpy(weights.bias.data() + l * weights.hidden, table.data() + l * padded * 4,
                static_cast<std::size_t>(weights.hidden) * 4);
}

Gates plain(const Checked& node, int i, std::int64_t blocks, std::int64_t rows, std::int64_t columns,
            const char* what) {
  const auto numbers = node.reals(i, what);
  if (static_cast<std::int64_t>(numbers.size()) != blocks * rows * columns)
    node.wrong(std::string("has ") + what + " of shape " + to_string(node.in(i).shape));
  Gates g{blocks, rows, columns, {}};
  for (double v : numbers) g.values.push_back(static_cast<float>(v));
  round_as_recorded(node, i, g.values);
  return g;
}

}  // namespace

void round_as_recorded(const Checked& node, int i, std::span<float> values) {
  const auto& t = *node.spec().inputs[static_cast<std::size_t>(i)].tensor;
  const DType input = node.in(kInput).dtype;
  if (input == DType::f16 && t.dtype == DType::f32)
    for (float& v : values) v = round_to_half(v);
  if (!is_float(t.dtype) || !t.quantised || (input != DType::i8 && input != DType::i16)) return;
  const float highest = input == DType::i8 ? 127 : 32767;
  const bool by_channel = t.scales.size() > 1 && values.size() % t.scales.size() == 0;
  if (by_channel && i == kBias) return;  // 32 bits in steps of products: finer than can be seen
  const std::size_t in_channel = by_channel ? values.size() / t.scales.size() : values.size();
  for (std::size_t k = 0; k < values.size(); ++k) {
    const float scale = by_channel ? t.scales[k / in_channel] : t.quant.scale;
    const auto zero = static_cast<float>(
        by_channel && k / in_channel < t.zero_points.size() ? t.zero_points[k / in_channel] : t.quant.zero_point);
    values[k] = std::clamp(std::nearbyint(values[k] / scale), -highest - 1 - zero, highest - zero) * scale;
  }
}

RecurrentWeights read_recurrent_weights(const Checked& node, std::int64_t gates) {
  const Dims x = node.in(kInput).shape;
  if (x.rank() != 3) node.wrong("has an input of shape " + to_string(x));
  RecurrentWeights weights;
  weights.gates = gates, weights.inputs = x[2];
  const bool packed = tensor(node, kW).layout == file::Layout::weight;
  const Dims shape = packed ? node.in(kInitialState).shape : node.in(kR).shape;  // [D, B, H] or [D, G * H, H]
  if (shape.rank() != 3) node.wrong("has states or weights of shape " + to_string(shape));
  weights.directions = shape[0], weights.hidden = shape[2];
  // States the compiler made up are as wide as its padding; packed recurrent weights say [padded H, H, 1, 1].
  if (const Dims& r = node.in(kR).shape; packed && r.rank() == 4) weights.hidden = r[1];
  constexpr std::int64_t kMost = 1 << 16;
  if (weights.directions < 1 || weights.directions > 2 || weights.hidden < 1 || weights.hidden > kMost ||
      weights.inputs < 1 || weights.inputs > kMost)
    node.wrong("has " + std::to_string(weights.directions) + " directions, " + std::to_string(weights.hidden) +
               " hidden and " + std::to_string(weights.inputs) + " input numbers");
  const std::int64_t blocks = weights.directions * gates;
  weights.bias.assign(static_cast<std::size_t>(2 * blocks * weights.hidden), 0.0f);
  if (!packed) {
    weights.w = plain(node, kW, blocks, weights.hidden, weights.inputs, "weights");
    weights.r = plain(node, kR, blocks, weights.hidden, weights.hidden, "recurrent weights");
    if (node.has_input(kBias) && node.in(kBias).shape.elements() > 1)  // one number stands for none
      weights.bias = plain(node, kBias, 2 * blocks, weights.hidden, 1, "biases").values;
    return weights;
  }
  weights.w = unpack(node, tensor(node, kW), blocks, weights.hidden, weights.inputs);
  weights.r = unpack(node, tensor(node, kR), blocks, weights.hidden, weights.hidden);
  if (tensor(node, kW).dtype == DType::i8) dequantise(node, weights, tensor(node, kW).shape[0]);
  else read_real_bias(node, weights);
  return weights;
}

}  // namespace ez_rknn::npu::ops
