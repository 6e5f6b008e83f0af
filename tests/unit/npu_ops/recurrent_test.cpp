#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <optional>
#include <random>

#include "bench.hpp"
#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"

using namespace ops_test;

namespace {

/// A recurrent node as the compiler writes it, with random numbers, and what it computes by ONNX's formulas.
struct Network {
  std::int64_t gates, directions, steps, inputs, hidden;
  bool reset_after = false, reverse = false;
  std::vector<double> x, w, r, bias, h0, c0;  ///< w [D][G][H][I], r [D][G][H][H], bias [D][2][G][H]
  std::mt19937 random{7};

  std::vector<double> numbers(std::int64_t n, double range) {
    std::vector<double> v;
    for (std::int64_t i = 0; i < n; ++i)  // exact as halves
      v.push_back(std::round((static_cast<double>(random() % 2001) / 1000 - 1) * range * 256) / 256);
    return v;
  }
  void fill() {
    x = numbers(steps * inputs, 2), h0 = numbers(directions * hidden, 1), c0 = numbers(directions * hidden, 1);
    w = numbers(directions * gates * hidden * inputs, 0.5), r = numbers(directions * gates * hidden * hidden, 0.5);
    bias = numbers(directions * 2 * gates * hidden, 0.5);
  }

  /// Y as [T, D, H]
  std::vector<double> expected() const {
    std::vector<double> y(static_cast<std::size_t>(steps * directions * hidden));
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    for (std::int64_t d = 0; d < directions; ++d) {
      std::vector<double> h(h0.begin() + d * hidden, h0.begin() + (d + 1) * hidden),
          c(c0.begin() + d * hidden, c0.begin() + (d + 1) * hidden);
      for (std::int64_t s = 0; s < steps; ++s) {
        const std::int64_t t = d == 1 || reverse ? steps - 1 - s : s;
        const auto product = [&](const std::vector<double>& m, std::int64_t g, std::int64_t row, const double* v,
                                 std::int64_t n) {
          double sum = 0;
          for (std::int64_t i = 0; i < n; ++i)
            sum += m[static_cast<std::size_t>(((d * gates + g) * hidden + row) * n + i)] * v[i];
          return sum;
        };
        const auto b = [&](std::int64_t side, std::int64_t g, std::int64_t row) {
          return bias[static_cast<std::size_t>(((d * 2 + side) * gates + g) * hidden + row)];
        };
        const std::vector<double> old = h;
        std::vector<double> reset = h;
        const auto from_x = [&](std::int64_t g, std::int64_t k) {
          return product(w, g, k, x.data() + t * inputs, inputs) + b(0, g, k);
        };
        const auto from_h = [&](std::int64_t g, std::int64_t k) {
          return product(r, g, k, old.data(), hidden) + b(1, g, k);
        };
        if (gates == 3)
          for (std::int64_t k = 0; k < hidden; ++k) reset[std::size_t(k)] *= sigmoid(from_x(1, k) + from_h(1, k));
        for (std::int64_t k = 0; k < hidden; ++k) {
          const auto i = static_cast<std::size_t>(k);
          if (gates == 4) {
            c[i] = sigmoid(from_x(2, k) + from_h(2, k)) * c[i] +
                   sigmoid(from_x(0, k) + from_h(0, k)) * std::tanh(from_x(3, k) + from_h(3, k));
            h[i] = sigmoid(from_x(1, k) + from_h(1, k)) * std::tanh(c[i]);
          } else {
            const double z = sigmoid(from_x(0, k) + from_h(0, k));
            const double candidate = reset_after ? from_x(2, k) + sigmoid(from_x(1, k) + from_h(1, k)) * from_h(2, k)
                                                 : from_x(2, k) + product(r, 2, k, reset.data(), hidden) + b(1, 2, k);
            h[i] = (1 - z) * std::tanh(candidate) + z * old[i];
          }
          y[static_cast<std::size_t>((t * directions + d) * hidden + k)] = h[i];
        }
      }
    }
    return y;
  }
};

/// Blocks of 1x1 convolution weights: groups of rows, in each groups of 32 inputs, in those each row's inputs.
template <class T, class F>
std::vector<std::byte> pack(std::int64_t blocks, std::int64_t rows, std::int64_t columns, std::int64_t row_group,
                            F value) {
  std::vector<std::byte> bytes;
  for (std::int64_t b = 0; b < blocks; ++b)
    for (std::int64_t o = 0; o < rows; o += row_group)
      for (std::int64_t i = 0; i < columns; i += 32)
        for (std::int64_t row = o; row < std::min(o + row_group, rows); ++row)
          for (std::int64_t k = i; k < std::min(i + 32, columns); ++k) {
            const T v = value(b, row, k);
            const auto* p = reinterpret_cast<const std::byte*>(&v);
            bytes.insert(bytes.end(), p, p + sizeof v);
          }
  return bytes;
}

std::int64_t up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

double worst(const std::vector<double>& a, const std::vector<double>& b) {
  double d = 0;
  for (std::size_t i = 0; i < a.size(); ++i) d = std::max(d, std::abs(a[i] - b[i]));
  return d;
}

void check_half(Network n, const char* type) {
  n.fill();
  const std::int64_t rows = up(n.hidden, 16), blocks = n.directions * n.gates;
  const auto packed = [&](const std::vector<double>& m, std::int64_t columns) {
    return pack<std::uint16_t>(blocks, rows, up(columns, 8), 16, [&, columns](auto b, auto row, auto k) {
      const bool inside = row < n.hidden && k < columns;
      return float_to_half(inside ? static_cast<float>(m[static_cast<std::size_t>((b * n.hidden + row) * columns + k)])
                                  : 77.0f);
    });
  };
  const auto w = packed(n.w, n.inputs), r = packed(n.r, n.hidden);
  std::vector<float> bias(static_cast<std::size_t>(blocks * 2 * rows), 55.0f);
  for (std::int64_t l = 0; l < blocks * 2; ++l)
    for (std::int64_t k = 0; k < n.hidden; ++k)
      bias[static_cast<std::size_t>(l * rows + k)] =
          static_cast<float>(n.bias[static_cast<std::size_t>(l * n.hidden + k)]);
  const std::int64_t pitch = up(n.hidden, 8);
  const auto state = [&](const std::vector<double>& values) {
    std::vector<std::uint16_t> rows_of_halves(static_cast<std::size_t>(n.directions * pitch), 0x7bff);
    for (std::int64_t i = 0; i < n.directions * n.hidden; ++i)
      rows_of_halves[static_cast<std::size_t>(i / n.hidden * pitch + i % n.hidden)] =
          float_to_half(static_cast<float>(values[static_cast<std::size_t>(i)]));
    return rows_of_halves;
  };
  const auto h0 = state(n.h0), c0 = state(n.c0);

  Bench bench(type);
  if (n.reverse) bench.attributes().values["direction"] = std::string("reverse");
  if (n.reset_after) bench.attributes().values["linear_before_reset"] = std::int64_t{1};
  bench.input(DType::f16, {n.steps, 1, n.inputs}).put(n.x);
  bench.packed({rows, n.inputs, 1, 1}, DType::f16, w).native_shape = {1, 1, 1, 1, 16, 32};
  bench.packed({rows, n.hidden, 1, 1}, DType::f16, r).native_shape = {1, 1, 1, 1, 16, 32};
  bench.packed({static_cast<std::int64_t>(bias.size())}, DType::f32, std::as_bytes(std::span(bias)));
  bench.no_input();
  bench.packed({n.directions, 1, n.hidden}, DType::f16, std::as_bytes(std::span(h0))).kind = file::Kind::generated;
  if (n.gates == 4)
    bench.packed({n.directions, 1, n.hidden}, DType::f16, std::as_bytes(std::span(c0))).kind = file::Kind::generated;
  const bool joined = std::string_view(type).starts_with("ex");
  Memory& y = bench.output(
      DType::f32, joined ? Dims{n.steps, 1, n.directions * n.hidden} : Dims{n.steps, n.directions, 1, n.hidden});
  bench.run();
  CAPTURE(n.directions);
  CAPTURE(n.hidden);
  CHECK_LT(worst(y.get(), n.expected()), 2e-6);
}

/// What may differ between int8 LSTMs.
struct Int8 {
  bool damage_zone = false;
  bool invented_biases = false;        ///< the network has none: the registers double the recurrent weights
  std::optional<float> state_scale{};  ///< one step: the initial state's own
};

/// int8 with its scales where the compiler leaves them: bias table, convolution registers, compute zone.
void check_int8(Network n, const Int8& how = {}) {
  n.fill();
  const std::int64_t rows = up(n.hidden, 32), blocks = n.directions * n.gates;
  const Quant input{0.02f, -9};
  const double zone = 0x1p-15, converters[2] = {16384 * 0x1p-12, 20000 * 0x1p-13};
  std::vector<std::byte> table(static_cast<std::size_t>(blocks * 2 * rows * 8));
  std::vector<std::byte> weights[2];
  std::fill(n.bias.begin(), n.bias.end(), 0);
  for (int side = 0; side < 2; ++side) {
    const std::int64_t columns = side == 0 ? n.inputs : n.hidden;
    std::vector<double>& real = side == 0 ? n.w : n.r;
    const double factor = converters[side] * (side == 1 && how.invented_biases ? 0.5 : 1);
    const double partner = side == 0 ? double{input.scale} : how.state_scale ? double{*how.state_scale} : 1.0 / 128;
    std::vector<std::int8_t> q(static_cast<std::size_t>(blocks * rows * columns));
    for (auto& v : q) v = static_cast<std::int8_t>(n.random());
    for (std::int64_t b = 0; b < blocks; ++b)
      for (std::int64_t row = 0; row < rows; ++row) {
        const auto bias = static_cast<std::int32_t>(n.random() % 20000) - 10000;
        const auto offset = static_cast<std::int16_t>(n.random() % 21) - 10,
                   multiplier = 8000 + static_cast<int>(n.random() % 8000);
        const std::int64_t line = ((b / n.gates * 2 + side) * n.gates + b % n.gates) * rows + row;
        std::byte* group = table.data() + line / 8 * 64;
        const auto short_offset = static_cast<std::int16_t>(offset),
                   short_multiplier = static_cast<std::int16_t>(multiplier);
        std::memcpy(group + line % 8 * 4, &bias, 4);
        std::memcpy(group + 32 + line % 8 * 2, &short_offset, 2);
        std::memcpy(group + 48 + line % 8 * 2, &short_multiplier, 2);
        if (row >= n.hidden) continue;
        const double scale = multiplier * 0x1p-14 * factor * zone;
        double sum = 0;
        for (std::int64_t k = 0; k < columns; ++k) {
          const double w = q[static_cast<std::size_t>((b * rows + row) * columns + k)] + offset;
          sum += w;
          real[static_cast<std::size_t>((b * n.hidden + row) * columns + k)] = w * scale / partner;
        }
        n.bias[static_cast<std::size_t>(((b / n.gates * 2 + side) * n.gates + b % n.gates) * n.hidden + row)] =
            (bias + (side == 0 ? input.zero_point * sum : 0)) * scale;
      }
    weights[side] = pack<std::int8_t>(blocks, rows, up(columns, 16), 32, [&](auto b, auto row, auto k) {
      return k < columns ? q[static_cast<std::size_t>((b * rows + row) * columns + k)] : std::int8_t{-3};
    });
  }
  Bench bench("LSTM");
  Memory& x = bench.input(DType::i8, {n.steps, 1, n.inputs}, input);
  x.put(n.x);
  n.x = x.get();
  bench.packed({rows, n.inputs, 1, 1}, DType::i8, weights[0]).native_shape = {1, 1, 1, 1, 32, 32};
  bench.packed({rows, n.hidden, 1, 1}, DType::i8, weights[1]).native_shape = {1, 1, 1, 1, 32, 32};
  bench.packed({blocks * 2 * n.hidden}, DType::i32, table).name = how.invented_biases ? "lstm_input_B" : "b";
  bench.no_input();
  std::fill(n.c0.begin(), n.c0.end(), 0);
  if (how.state_scale) {
    Memory& h0 = bench.input(DType::i8, {n.directions, 1, n.hidden}, {*how.state_scale, 0});
    h0.put(n.h0);
    n.h0 = h0.get();
  } else {
    std::fill(n.h0.begin(), n.h0.end(), 0);
    bench.packed({n.directions, 1, n.hidden}, DType::i8, {}).kind = file::Kind::generated;
  }
  bench.packed({n.directions, 1, n.hidden}, DType::i8, {}).kind = file::Kind::generated;
  file::Tensor& compute_zone = bench.packed({1}, DType::f16, {}, {static_cast<float>(zone), 0});
  compute_zone.name = how.damage_zone ? "something else" : "LSTM_0_compute_zone",
  compute_zone.kind = file::Kind::internal;
  const double first = how.state_scale ? converters[1] : converters[1] * 128 / 127;
  bench.registers.convolutions = {{1, converters[0], converters[0]}, {2, first, converters[1]}};
  bench.registers.reverse = n.reverse;
  const Quant quant{1.0f / 120, 2};
  Memory& y = bench.output(DType::i8, {n.steps, n.directions, 1, n.hidden}, quant);
  if (how.damage_zone) {
    CHECK_THROWS_AS(bench.run(), ModelError);
    return;
  }
  bench.run();
  CHECK_LT(worst(y.get(), n.expected()), 0.51 * static_cast<double>(quant.scale));
  bench.registers.convolutions.pop_back();
  CHECK_THROWS_AS(bench.prepare(), Unsupported);
}

}  // namespace

TEST_CASE("packed fp16 LSTM and GRU compute ONNX's formulas") {
  for (std::int64_t directions : {1, 2}) {
    check_half({4, directions, 5, 20, 18}, "LSTM");
    check_half({4, directions, 4, 40, 33}, "exLSTM");
    check_half({3, directions, 5, 20, 18}, "GRU");
    check_half({3, directions, 5, 7, 3, true}, "GRU");
  }
  check_half({4, 1, 6, 9, 5, false, true}, "LSTM");
  check_half({3, 1, 6, 9, 5, true, true}, "GRU");
}

TEST_CASE("packed int8 LSTM takes its scales from the table, the registers and the zone") {
  check_int8({4, 1, 5, 20, 18});
  check_int8({4, 2, 5, 40, 33});
  check_int8({4, 1, 5, 20, 18, false, true});
  check_int8({4, 1, 5, 20, 18}, {.damage_zone = true});
}

// Were taken for what the first convolution says, which reads the initial state: wrong by the ratio of two scales.
TEST_CASE("packed int8 LSTM: recurrent weights by the last convolution, or the scale of the only state there is") {
  check_int8({4, 1, 1, 20, 18}, {.state_scale = 1.0f / 90});
  check_int8({4, 2, 5, 20, 18}, {.invented_biases = true});
}

TEST_CASE("packed int8 LSTM: a constant initial state without a scale is refused, zeros are not") {
  for (int number : {0, 5}) {
    const std::vector<std::byte> weights(4 * 32 * 32), table(2 * 4 * 32 * 8), state(16, std::byte(number));
    Bench bench("LSTM");
    bench.input(DType::i8, {3, 1, 16}, {0.1f, 0});
    for (int i = 0; i < 2; ++i) bench.packed({32, 16, 1, 1}, DType::i8, weights).native_shape = {1, 1, 1, 1, 32, 16};
    bench.packed({128}, DType::i32, table);
    bench.no_input();
    for (int i = 0; i < 2; ++i) bench.packed({1, 1, 16}, DType::i8, state);
    file::Tensor& zone = bench.packed({1}, DType::f16, {}, {0x1p-15f, 0});
    zone.name = "lstm_compute_zone", zone.kind = file::Kind::internal;
    bench.registers.convolutions = {{1, 1, 1}, {2, 1, 2}};
    bench.output(DType::i8, {3, 1, 1, 16}, {0.01f, 0});
    if (number)
      CHECK_THROWS_WITH_AS(bench.prepare(), doctest::Contains("whose scale the file does not hold"), Unsupported);
    else CHECK_NOTHROW(bench.prepare());
  }
}

TEST_CASE("packed weights that are too short are refused") {
  const std::vector<std::byte> bytes(100);
  Bench bench("LSTM");
  bench.input(DType::f16, {3, 1, 20});
  for (int i = 0; i < 2; ++i) bench.packed({16, 20, 1, 1}, DType::f16, bytes);
  bench.packed({128}, DType::f32, bytes);
  bench.no_input();
  bench.packed({1, 1, 16}, DType::f16, bytes).kind = file::Kind::generated;
  bench.output(DType::f16, {3, 1, 1, 16});
  CHECK_THROWS_AS(bench.prepare(), ModelError);
}

TEST_CASE("RNN of an int8 network computes with float constants rounded to the scales beside them") {
  const Quant coarse{0.25f, 3};
  const auto y_with = [&](DType input, double w) {
    Bench bench("RNN");
    bench.input(input, {1, 1, 1}, {1.0f / 64, 0}).put({1});
    bench.constant(DType::f32, {1, 1, 1}, {w}, coarse);
    bench.constant(DType::f32, {1, 1, 1}, {0.0});
    Memory& y = bench.output(DType::f32, {1, 1, 1, 1});
    bench.run();
    return y.get()[0];
  };
  CHECK_EQ(y_with(DType::i8, 0.61), doctest::Approx(std::tanh(0.5)));
  CHECK_EQ(y_with(DType::i8, 1000), doctest::Approx(std::tanh(31.0)));  // 127 - 3 steps
  CHECK_EQ(y_with(DType::i16, 0.61), doctest::Approx(std::tanh(0.5)));
  CHECK_EQ(y_with(DType::f32, 0.61), doctest::Approx(std::tanh(0.61)));
  CHECK_EQ(y_with(DType::f16, 0.61), doctest::Approx(std::tanh(round_to_half(0.61f))).epsilon(1e-7));
}

// The programs of GRU and LSTM ignore lengths, and what is left of them is said to be halves: was taken for none.
TEST_CASE("sequences of different lengths: nothing behind their end, states from there, reverse starts there") {
  const std::vector<double> x{1, 2, 3, 4, 5, 6};  // [time 3][batch 2]
  const auto y_of = [&](const char* direction, const std::function<void(Bench&)>& lengths) {
    Bench bench("RNN");
    bench.attributes().values["direction"] = std::string(direction);
    bench.input(DType::f32, {3, 2, 1}).put(x);
    bench.constant(DType::f32, {1, 1, 1}, {0.25});
    bench.constant(DType::f32, {1, 1, 1}, {0.5});
    bench.no_input();
    lengths(bench);
    Memory &y = bench.output(DType::f32, {3, 1, 2, 1}), &last = bench.output(DType::f32, {1, 2, 1});
    bench.run();
    auto all = y.get();
    for (double v : last.get()) all.push_back(v);
    return all;
  };
  const std::int32_t raw[] = {2, 3};
  const auto forms = {
      std::function<void(Bench&)>([](Bench& b) { b.constant(DType::i64, {2}, {2, 3}); }),
      std::function<void(Bench&)>([&](Bench& b) { b.packed({2}, DType::f16, std::as_bytes(std::span(raw))); }),
  };
  const auto f = [](double v, double h) { return std::tanh(0.25 * v + 0.5 * h); };
  for (const auto& lengths : forms) {
    const double a0 = f(1, 0), a1 = f(3, a0), b0 = f(2, 0), b1 = f(4, b0), b2 = f(6, b1);
    const double forward[] = {a0, b0, a1, b1, 0, b2, a1, b2};
    const auto y = y_of("forward", lengths);
    for (std::size_t i = 0; i < std::size(forward); ++i) CHECK_EQ(y[i], doctest::Approx(forward[i]).epsilon(1e-5));
    const double c1 = f(3, 0), c0 = f(1, c1), d2 = f(6, 0), d1 = f(4, d2), d0 = f(2, d1);
    const double reverse[] = {c0, d0, c1, d1, 0, d2, c0, d0};
    const auto z = y_of("reverse", lengths);
    for (std::size_t i = 0; i < std::size(reverse); ++i) CHECK_EQ(z[i], doctest::Approx(reverse[i]).epsilon(1e-5));
  }
  CHECK_THROWS_WITH_AS(y_of("forward", [](Bench& b) { b.constant(DType::i64, {2}, {2, 4}); }),
                       doctest::Contains("length 4 in 3 steps"), ModelError);
  CHECK_THROWS_AS(y_of("forward", [](Bench& b) { b.constant(DType::i64, {1}, {2}); }), ModelError);
  // What stands there for none.
  const std::vector<std::byte> nothing(64);
  const auto whole = y_of("forward", [&](Bench& b) { b.packed({1}, DType::f16, nothing); });
  CHECK_EQ(whole[4], doctest::Approx(f(5, f(3, f(1, 0)))).epsilon(1e-5));
}

TEST_CASE("RNN with Relu: a list that mixes it with others is refused") {
  const auto y_with = [](std::vector<std::string> activations) {
    Bench bench("RNN");
    bench.attributes().values["activations"] = std::move(activations);
    bench.input(DType::f32, {2, 1, 1}).put({3, -9});
    bench.constant(DType::f32, {1, 1, 1}, {0.5});
    bench.constant(DType::f32, {1, 1, 1}, {2});
    Memory& y = bench.output(DType::f32, {2, 1, 1, 1});
    bench.run();
    return y.get();
  };
  CHECK_EQ(y_with({"Relu"}), std::vector<double>{1.5, 0});
  CHECK_EQ(y_with({"Tanh"})[0], doctest::Approx(std::tanh(1.5)).epsilon(1e-5));
  CHECK_THROWS_AS(y_with({"Relu", "Tanh"}), Unsupported);
  CHECK_THROWS_AS(y_with({"Affine"}), Unsupported);
}
