/// RNN, LSTM and GRU, in float. The NPU's programs for them rewrite their own commands, so they run from their weights.
#include <algorithm>
#include <cstring>

#include "npu/ops/copy.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/fast_math.hpp"
#include "npu/ops/gemm.hpp"
#include "npu/ops/indices.hpp"
#include "npu/ops/packed_weights.hpp"

namespace ez_rknn::npu::ops {
namespace {

enum class Cell { rnn, lstm, gru };
constexpr std::int64_t kGates[] = {1, 4, 3};

struct Recurrent {
  Cell cell;
  std::int64_t steps = 0, batch = 0, inputs = 0, hidden = 0, directions = 0, gates = 0;
  bool reverse = false;                     ///< of a single direction
  bool directions_side_by_side = false;     ///< Y is [T, B, D * H] instead of [T, D, B, H]
  bool reset_after = false;                 ///< GRU's linear_before_reset
  float clip = 0;                           ///< RNN: bound of what Tanh is given; 0: none
  bool rectifies = false;                   ///< RNN: Relu in the place of Tanh
  std::vector<float> w, r, bias;            ///< [D][inputs or hidden][gates * hidden], [D][2][gates * hidden]
  std::vector<float> initial_h, initial_c;  ///< [D][B][H]; empty: given at run time, or zero
  std::vector<std::int64_t> lengths;        ///< [B], of what has values; empty: all steps have

  std::int64_t width() const { return gates * hidden; }
  std::size_t floats(std::int64_t n) const {
    return whole_lines(static_cast<std::size_t>(n) * sizeof(float)) / sizeof(float);
  }
  std::size_t x_floats() const { return floats(steps * batch * inputs); }
  std::size_t state_floats() const { return floats(directions * batch * hidden); }
  std::size_t y_floats() const { return floats(steps * directions * batch * hidden); }
  std::size_t scratch_bytes() const {
    return (x_floats() + 2 * state_floats() + y_floats() + 2 * floats(width())) * sizeof(float);
  }

  void operator()(Inputs in, Outputs out, Scratch scratch) const {
    auto* x = reinterpret_cast<float*>(scratch.data());
    float *h = x + x_floats(), *c = h + state_floats(), *y = c + state_floats(), *gate = y + y_floats();
    copy(in[0], dense(x, {steps, batch, inputs}));
    load_state(h, initial_h, in, 5);
    load_state(c, initial_c, in, cell == Cell::lstm ? 6 : in.size());
    if (!lengths.empty()) std::fill_n(y, steps * directions * batch * hidden, 0.0f);
    for (std::int64_t d = 0; d < directions; ++d) {
      const bool backward = d == 1 || reverse;
      for (std::int64_t s = 0; s < steps; ++s) {
        const std::int64_t t = backward ? steps - 1 - s : s;
        for (std::int64_t b = 0; b < batch; ++b) {
          if (!lengths.empty() && t >= lengths[static_cast<std::size_t>(b)]) continue;
          float* state = h + (d * batch + b) * hidden;
          step(d, x + (t * batch + b) * inputs, state, c + (d * batch + b) * hidden, gate);
          const std::int64_t at =
              directions_side_by_side ? (t * batch + b) * directions + d : (t * directions + d) * batch + b;
          std::copy_n(state, hidden, y + at * hidden);
        }
      }
    }
    write(out, 0, y), write(out, 1, h), write(out, 2, c);
  }

  void step(std::int64_t d, const float* x, float* h, float* c, float* gate) const {
    float* recurrent = gate + floats(width());
    const float *wd = w.data() + d * inputs * width(), *rd = r.data() + d * hidden * width();
    std::copy_n(bias.data() + d * 2 * width(), width(), gate);
    std::copy_n(bias.data() + (d * 2 + 1) * width(), width(), recurrent);
    const auto add_row = gemm_tile_in_use().add_row;
    add_row(x, wd, inputs, width(), gate);
    if (cell == Cell::gru && !reset_after) return gru_reset_before(rd, h, gate, recurrent);
    add_row(h, rd, hidden, width(), recurrent);
    if (cell == Cell::rnn) {
      for (std::int64_t i = 0; i < hidden; ++i) {
        float sum = gate[i] + recurrent[i];
        if (clip > 0) sum = std::clamp(sum, -clip, clip);
        h[i] = rectifies ? std::max(sum, 0.0f) : fast_tanh(sum);
      }
    } else if (cell == Cell::lstm) {
      for (std::int64_t i = 0; i < 4 * hidden; ++i) gate[i] += recurrent[i];
      const float *input = gate, *output = gate + hidden, *forget = gate + 2 * hidden, *cell_gate = gate + 3 * hidden;
      for (std::int64_t i = 0; i < hidden; ++i) {
        c[i] = fast_sigmoid(forget[i]) * c[i] + fast_sigmoid(input[i]) * fast_tanh(cell_gate[i]);
        h[i] = fast_sigmoid(output[i]) * fast_tanh(c[i]);
      }
    } else {
      for (std::int64_t i = 0; i < hidden; ++i) {
        const float z = fast_sigmoid(gate[i] + recurrent[i]);
        const float reset = fast_sigmoid(gate[hidden + i] + recurrent[hidden + i]);
        const float candidate = fast_tanh(gate[2 * hidden + i] + reset * recurrent[2 * hidden + i]);
        h[i] = (1 - z) * candidate + z * h[i];
      }
    }
  }

  /// The reset gate applies to the state before it is multiplied, so the last third of R comes after the others.
  void gru_reset_before(const float* rd, float* h, float* gate, float* recurrent) const {
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float* row = rd + i * width();
      for (std::int64_t j = 0; j < 2 * hidden; ++j) recurrent[j] += h[i] * row[j];
    }
    for (std::int64_t i = 0; i < 2 * hidden; ++i) gate[i] = fast_sigmoid(gate[i] + recurrent[i]);
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float v = gate[hidden + i] * h[i];
      const float* row = rd + i * width() + 2 * hidden;
      for (std::int64_t j = 0; j < hidden; ++j) recurrent[2 * hidden + j] += v * row[j];
    }
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float candidate = fast_tanh(gate[2 * hidden + i] + recurrent[2 * hidden + i]);
      h[i] = (1 - gate[i]) * candidate + gate[i] * h[i];
    }
  }

  static TensorView dense(float* data, const Dims& shape) {
    return {reinterpret_cast<std::byte*>(data), DType::f32, shape, dense_strides(shape), {}};
  }
  void load_state(float* to, const std::vector<float>& constant, Inputs in, std::size_t operand) const {
    const auto n = static_cast<std::size_t>(directions * batch * hidden);
    if (!constant.empty()) std::copy_n(constant.data(), n, to);
    else if (operand < in.size() && in[operand] && in[operand].shape.elements() == static_cast<std::int64_t>(n))
      copy(in[operand], dense(to, in[operand].shape));
    else std::fill_n(to, n, 0.0f);
  }
  static void write(Outputs out, std::size_t i, float* values) {
    if (i < out.size() && out[i]) copy(dense(values, out[i].shape), out[i]);
  }
};

/// Constant states: rows padded to 16 bytes when the compiler packed them; quantised ones have zero point 0.
std::vector<float> constant_state(const Checked& node, int i, const Dims& shape, bool packed) {
  if (!node.has_input(i)) return {};
  const auto& operand = node.spec().inputs[static_cast<std::size_t>(i)];
  const auto& t = *operand.tensor;
  const bool fixed =
      t.kind == file::Kind::constant || t.kind == file::Kind::cpu_constant || t.kind == file::Kind::generated;
  if (!fixed) {
    if (node.in(i).shape.elements() != shape.elements())
      node.wrong("has an initial state of shape " + to_string(node.in(i).shape) + ", expected " + to_string(shape));
    return {};
  }
  const bool zeros = std::all_of(t.data.begin(), t.data.end(), [](std::byte b) { return b == std::byte{}; });
  if (t.kind != file::Kind::generated && t.dtype == DType::i8 && !t.quantised && !zeros)
    node.missing("a constant initial state in 8 bits, whose scale the file does not hold");
  std::vector<float> state(static_cast<std::size_t>(shape.elements()), 0.0f);
  const std::int64_t hidden = shape[2], rows = shape[0] * shape[1], size = static_cast<std::int64_t>(size_of(t.dtype));
  std::int64_t pitch = hidden;
  if (packed) pitch = (hidden * size + 15) / 16 * 16 / size;
  if (static_cast<std::int64_t>(t.data.size()) < rows * pitch * size) pitch = hidden;
  if (static_cast<std::int64_t>(t.data.size()) < rows * pitch * size) return state;  // a placeholder: zeros
  const ConstTensorView view{t.data.data(), t.dtype, {}, {}, {is_float(t.dtype) ? 1.0f : t.quant.scale, 0}};
  for (std::int64_t row = 0; row < rows; ++row) load_row(view, row * pitch, 1, hidden, state.data() + row * hidden);
  if (!packed) round_as_recorded(node, i, state);
  return state;
}

/// [block][row][column] -> [direction][column][block of the direction, row]
std::vector<float> transposed(const Gates& g, std::int64_t directions) {
  std::vector<float> to(g.values.size());
  const std::int64_t gates = g.blocks / directions, width = gates * g.rows;
  for (std::int64_t b = 0; b < g.blocks; ++b)
    for (std::int64_t row = 0; row < g.rows; ++row)
      for (std::int64_t i = 0; i < g.columns; ++i) {
        const std::int64_t at = (b / gates * g.columns + i) * width + b % gates * g.rows + row;
        to[static_cast<std::size_t>(at)] = g.block(b)[row * g.columns + i];
      }
  return to;
}

/// The activations of a node that says so; null when it does not.
const std::vector<std::string>* activations_of(const Checked& node) {
  const auto& values = node.attributes().values;
  const auto it = values.find("activations");
  return it == values.end() ? nullptr : std::get_if<std::vector<std::string>>(&it->second);
}

bool all_rectify(const Checked& node) {
  const auto* names = activations_of(node);
  return names && !names->empty() &&
         std::all_of(names->begin(), names->end(), [](const auto& n) { return n == "Relu"; });
}

void refuse_variants(const Checked& node, Cell cell) {
  const auto& attributes = node.attributes();
  if (cell != Cell::rnn && attributes.has("clip")) node.missing("clip");
  if (attributes.integer("layout", 0) != 0) node.missing("layout 1");
  if (cell == Cell::lstm && attributes.integer("input_forget", 0)) node.missing("input_forget");
  if (cell == Cell::rnn && all_rectify(node)) return;
  const auto* names = activations_of(node);
  const std::vector<std::string> one = cell == Cell::rnn    ? std::vector<std::string>{"Tanh"}
                                       : cell == Cell::lstm ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                                                            : std::vector<std::string>{"Sigmoid", "Tanh"};
  for (std::size_t i = 0; names && i < names->size(); ++i)
    if ((*names)[i] != one[i % one.size()]) node.missing("activation " + (*names)[i]);
}

/// False for operands the compiler put in the place of absent ones.
bool is_given(const NodeSpec& spec, std::size_t i) {
  return i < spec.inputs.size() && spec.inputs[i].tensor && spec.inputs[i].tensor->kind != file::Kind::generated;
}

/// How long each sequence of the batch is. Empty when nobody says, or all take every step. The programs of GRU and LSTM
/// do not read them; what the compiler leaves of them is 32-bit integers in a tensor that is said to hold halves.
std::vector<std::int64_t> sequence_lengths(const Checked& node, std::int64_t batch, std::int64_t steps) {
  if (!node.has_input(4) || !is_given(node.spec(), 4)) return {};
  std::vector<std::int64_t> lengths;
  const auto& t = *node.spec().inputs[4].tensor;
  if (t.dtype == DType::f16) {
    if (t.shape.elements() != batch || static_cast<std::int64_t>(t.data.size()) != 4 * batch)
      return {};  // a placeholder
    std::vector<std::int32_t> raw(static_cast<std::size_t>(batch));
    std::memcpy(raw.data(), t.data.data(), t.data.size());
    lengths.assign(raw.begin(), raw.end());
  } else {
    lengths = node.integers(4, "sequence lengths");
  }
  if (static_cast<std::int64_t>(lengths.size()) != batch)
    node.wrong("has " + std::to_string(lengths.size()) + " sequence lengths for a batch of " + std::to_string(batch));
  for (auto length : lengths)
    if (length < 1 || length > steps)
      node.wrong("has a sequence of length " + std::to_string(length) + " in " + std::to_string(steps) + " steps");
  const bool whole = std::all_of(lengths.begin(), lengths.end(), [&](auto length) { return length == steps; });
  return whole ? std::vector<std::int64_t>{} : lengths;
}

template <Cell kCell>
std::unique_ptr<Operator> make_recurrent(const NodeSpec& spec) {
  const Checked node(spec, 3, 16, 1, 3);
  refuse_variants(node, kCell);
  const auto weights = read_recurrent_weights(node, kGates[static_cast<int>(kCell)]);
  const Dims x = node.in(0).shape;
  Recurrent op{};
  op.cell = kCell;
  op.steps = x[0], op.batch = x[1], op.inputs = x[2];
  op.hidden = weights.hidden, op.directions = weights.directions, op.gates = weights.gates;
  op.directions_side_by_side = node.type().starts_with("ex");
  op.rectifies = kCell == Cell::rnn && all_rectify(node);
  if (kCell == Cell::rnn) op.clip = static_cast<float>(node.attributes().real("clip", 0));
  op.reset_after = kCell == Cell::gru && node.attributes().integer("linear_before_reset", 0) != 0;
  op.w = transposed(weights.w, op.directions), op.r = transposed(weights.r, op.directions), op.bias = weights.bias;
  const std::string direction = node.attributes().text("direction", "");
  op.reverse = op.directions == 1 && (direction == "reverse" || (kCell == Cell::lstm && direction.empty() &&
                                                                 spec.registers && spec.registers->reverse));
  const bool packed = spec.inputs[1].tensor->layout == file::Layout::weight;
  const Dims state{op.directions, op.batch, op.hidden};
  op.initial_h = constant_state(node, 5, state, packed);
  if (kCell == Cell::lstm) op.initial_c = constant_state(node, 6, state, packed);
  if (kCell == Cell::lstm && !packed && is_given(spec, 7)) node.missing("peepholes");
  op.lengths = sequence_lengths(node, op.batch, op.steps);
  const std::int64_t expected[] = {op.steps * state.elements(), state.elements(), state.elements()};
  for (int i = 0; i < node.outputs(); ++i)
    if (node.has_output(i) && node.out(i).shape.elements() != expected[i])
      node.wrong("has output " + std::to_string(i) + " of shape " + to_string(node.out(i).shape) + " for " +
                 std::to_string(expected[i]) + " numbers");
  const auto bytes = op.scratch_bytes();
  return running(std::move(op), bytes);
}

constexpr Entry kEntries[] = {
    {"GRU", make_recurrent<Cell::gru>},   {"LSTM", make_recurrent<Cell::lstm>},   {"RNN", make_recurrent<Cell::rnn>},
    {"exGRU", make_recurrent<Cell::gru>}, {"exLSTM", make_recurrent<Cell::lstm>},
};

}  // namespace

Family recurrent_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
