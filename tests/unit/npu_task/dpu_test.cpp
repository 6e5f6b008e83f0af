#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>

#include "machine.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::test;

namespace {

std::uint32_t f32(float v) { return std::bit_cast<std::uint32_t>(v); }
std::uint32_t f16(float v) { return float_to_half(v); }
double saturated(double v) { return std::clamp(v, -128.0, 127.0); }

/// One flying task over `in` with what `registers` writes on top; returns the output.
template <class F>
std::vector<double> fly(Machine& m, DType type, DType out_type, int c, int h, int w, const std::vector<double>& x,
                        bool real, F&& registers) {
  const int in = m.feature(type, c, h, w), out = m.feature(out_type, c, h, w);
  m.dpu(out_type, c, h, w, out, 0, real);
  m.source(type, in, h, w, real);
  registers();
  m.task(0x18);
  auto it = m.interpreter("Relu");
  REQUIRE_EQ(it.refusal(0), "");
  it.write(in, x);
  it.run(0);
  return it.read(out);
}

}  // namespace

TEST_CASE("random BS, BN and converter registers equal the formulas of the stages") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random r(seed);
    const int c = r.range(1, 20), h = r.range(1, 5), w = r.range(1, 5);
    const auto x = r.values(static_cast<std::size_t>(c * h * w), DType::i8);
    const int bias = r.range(-500, 500), bs_mul = r.range(-32768, 32767), bs_shift = r.range(0, 20),
              bs_negative = r.range(0, 20);
    const int bn_alu = r.range(-100000, 100000), bn_mul = r.range(-3000, 3000), bn_shift = r.range(0, 20),
              bn_negative = r.range(0, 20);
    const int algorithm = r.range(0, 2), bs_compare = r.range(0, 5000), bn_compare = r.range(0, 5000);
    const bool bs_on = r.chance(), bs_prelu = r.chance(), bs_relu = r.chance(), bs_relux = r.chance();
    const bool bn_on = r.chance(), bn_alu_on = r.chance(), bn_mul_on = r.chance(), bn_relu = r.chance(),
               bn_relux = r.chance();
    const int offset = r.range(-128, 127), scale = r.range(-32768, 32767), shift = r.range(10, 30);
    Machine m;
    const auto y = fly(m, DType::i8, DType::i8, c, h, w, x, false, [&] {
      m.write(0x4010, Machine::u(bn_negative << 10 | bs_negative << 4));
      if (bs_on)
        m.write(0x4040,
                Machine::u(algorithm << 16 | (bs_prelu ? 0x20 : 0) | (bs_relu ? 0 : 0x40) | (bs_relux ? 0x80 : 0)));
      m.write(0x4044, Machine::u(bias));
      m.write(0x4048, Machine::u(bs_mul) << 16 | Machine::u(bs_shift << 8));
      m.write(0x404c, Machine::u(bs_compare));
      if (bn_on)
        m.write(0x4060, Machine::u(2 << 16 | (bn_alu_on ? 0 : 2) | (bn_mul_on ? 0 : 0x10) | (bn_relu ? 0 : 0x40) |
                                   (bn_relux ? 0x80 : 0)));
      m.write(0x4064, Machine::u(bn_alu));
      m.write(0x4068, Machine::u(bn_mul) << 16 | Machine::u(bn_shift << 8));
      m.write(0x406c, Machine::u(bn_compare));
      m.write(0x4080, Machine::u(offset));
      m.write(0x4084, Machine::u(scale) & 0xffff);
      m.write(0x4088, Machine::u(shift));
    });
    for (std::size_t i = 0; i < x.size(); ++i) {
      double v = x[i];
      if (bs_on) {
        v = algorithm == 0 ? std::max<double>(v, bias) : algorithm == 1 ? std::min<double>(v, bias) : v + bias;
        if (!bs_prelu || v < 0) v = half_away(v * bs_mul, v < 0 ? bs_negative : bs_shift);
        if (bs_relu) v = std::max(v, 0.0);
        if (bs_relu && bs_relux) v = std::min<double>(v, bs_compare);
      }
      if (bn_on) {
        if (bn_mul_on) v *= bn_mul;
        if (bn_alu_on) v += bn_alu;
        if (bn_mul_on) v = half_away(v, v < 0 ? bn_negative : bn_shift);
        if (bn_relu) v = std::max(v, 0.0);
        if (bn_relu && bn_relux) v = std::min<double>(v, bn_compare);
      }
      REQUIRE_EQ(y[i], saturated(half_even(v * scale, shift) + offset));
    }
  }
}

TEST_CASE("element-wise operations with a tensor, a per-channel tensor and a constant") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random r(seed);
    const int c = r.range(1, 40), h = r.range(1, 4), w = r.range(1, 6);
    const std::size_t n = static_cast<std::size_t>(c * h * w);
    const int shape = r.range(0, 2);  // full tensor, per channel, constant
    const int operation = r.range(0, 4), offset = r.range(-128, 128), scale = r.range(-20000, 20000),
              down = r.range(0, 10), truncate = r.range(0, 4);
    const bool convert = shape < 2 && r.chance(), relu = r.chance();
    const auto x = r.values(n, DType::i8);
    const auto b = r.values(shape == 0 ? n : static_cast<std::size_t>(c), DType::i8);
    const int constant = r.range(-300, 300);
    Machine m;
    const int in = m.feature(DType::i8, c, h, w), out = m.feature(DType::i32, c, h, w);
    const int operand = shape == 0 ? m.feature(DType::i8, c, h, w) : m.feature(DType::i8, c, 1, 1);
    m.dpu(DType::i32, c, h, w, out);
    m.source(DType::i8, in, h, w);
    // operation: 0 max, 1 min, 2 add, 3 sub (algorithm 4), 4 mul
    m.write(0x4070,
            Machine::u((operation == 4 ? 4 : (operation == 3 ? 4 : operation) << 16) | (shape < 2 ? 0x40 : 0) | 0x80 |
                       (convert ? 0 : 0x100) | (relu ? 0 : 0x200) | 1 << 22 | (shape == 0 ? 1 << 28 : 0)) |
                1u << 31);
    m.write(0x4074, Machine::u(offset));
    m.write(0x4078, (Machine::u(scale) & 0xffff) | Machine::u(down << 16 | truncate << 22));
    m.write(0x4090, Machine::u(constant));
    m.write(0x5040, Machine::u(Machine::surface(h, w)));
    if (shape < 2) m.relocate(0x5038, operand);
    m.task(0x18);
    auto it = m.interpreter("Add");
    REQUIRE_EQ(it.refusal(0), "");
    it.write(in, x);
    if (shape < 2) it.write(operand, b);
    it.run(0);
    const auto y = it.read(out);
    for (std::size_t i = 0; i < n; ++i) {
      double q = shape == 2 ? constant : b[shape == 0 ? i : i / static_cast<std::size_t>(h * w)];
      if (convert) q = half_even((q + offset) * scale, down);
      double v = x[i];
      v = operation == 0   ? std::max(v, q)
          : operation == 1 ? std::min(v, q)
          : operation == 2 ? v + q
          : operation == 3 ? v - q
                           : v * q;
      v = half_away(v, truncate);
      REQUIRE_EQ(y[i], relu ? std::max(v, 0.0) : v);
    }
  }
}

TEST_CASE("the float pipeline: no shifts, f32 and f16 operands, 2^-exponent, division by zero stays finite in f32") {
  Random r(1);
  const auto x = r.values(8 * 6, DType::f16), b = r.values(8 * 6, DType::f16);
  Machine m;
  const int in = m.feature(DType::f16, 8, 2, 3), operand = m.feature(DType::f16, 8, 2, 3),
            out = m.feature(DType::f32, 8, 2, 3);
  m.dpu(DType::f32, 8, 2, 3, out, 0, true);
  m.source(DType::f16, in, 2, 3, true);
  m.write(0x4040, 0x20040);
  m.write(0x4044, f32(0.25f));
  m.write(0x4048, f16(1.5f) << 16 | 5u << 8);
  m.write(0x4060, 0x92);
  m.write(0x406c, f32(3.0f));
  m.write(0x4070, 1u << 28 | 2u << 22 | 3u << 16 | 0x2c0);
  m.write(0x4078, f16(2.0f));
  m.write(0x4088, 3u << 12);
  m.write(0x5040, Machine::u(Machine::surface(2, 3)));
  m.relocate(0x5038, operand);
  m.task(0x18);
  auto it = m.interpreter("Div");
  REQUIRE_EQ(it.refusal(0), "");
  it.write(in, x);
  it.write(operand, b);
  it.run(0);
  const auto y = it.read(out);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = std::clamp((x[i] + 0.25) * 1.5, 0.0, 3.0), q = b[i] * 2;
    CHECK_EQ(y[i], static_cast<float>(v / (q == 0 ? 1e-30 : q) / 8));
  }
}

TEST_CASE("look-ups interpolate between entries, pass from LE to LO, and go on with a slope beyond") {
  Machine m;
  std::array<int, 513> le{}, lo{};
  Random r(3);
  for (int& v : le) v = r.range(-32768, 32767);
  for (int& v : lo) v = r.range(-32768, 32767);
  m.write(0x4100, 0x20000);
  for (int v : le) m.write(0x4104, Machine::u(v) & 0xffff);
  m.write(0x4100, 0x30000);
  for (int v : lo) m.write(0x4104, Machine::u(v) & 0xffff);
  m.task(0x18);
  std::vector<double> x;
  for (int v : {-32768, -16385, -16384, -16383, -8000, -33,   -32,   -1,    0, 1, 15, 16,
                31,     32,     12345,  16383,  16384, 16385, 20000, 32767, 7, 8, 9,  10})
    x.push_back(v);
  const auto y = fly(m, DType::i16, DType::i32, 8, 1, 3, x, false, [&] {
    m.write(0x4070, 0x302);
    m.write(0x4108, 0x68);
    m.write(0x410c, 0x050500);
    m.write(0x4110, Machine::u(-16384));
    m.write(0x4114, 0);
    m.write(0x4118, 0);
    m.write(0x411c, 16384);
    m.write(0x4120, 0x00003);
    m.write(0x4124, 1);
    m.write(0x4128, Machine::u(-5) << 16);
    m.write(0x412c, 2u << 5);
  });
  for (std::size_t i = 0; i < x.size(); ++i) {
    CAPTURE(x[i]);
    const auto& table = x[i] < 0 ? le : lo;
    const double start = x[i] < 0 ? -16384 : 0, position = (x[i] - start) / 32;
    double want;
    if (x[i] < -16384) want = le[0] + half_away((x[i] + 16384) * 3, 1);
    else if (x[i] >= 16384) want = lo[512] + half_away((x[i] - 16384) * -5, 2);
    else {
      const auto k = static_cast<std::size_t>(position);
      want = table[k] + std::round((table[k + 1] - table[k]) * (position - std::floor(position)));
    }
    CHECK_EQ(y[i], want);
  }
}

TEST_CASE("a source of two DMAs, notches, reductions and enlargement") {
  SUBCASE("COMB_USE: the second address is where the next surface lies") {
    Random r(2);
    const auto x = r.values(8 * 6, DType::f32);
    Machine m;
    const int in = m.feature(DType::f32, 8, 2, 3), out = m.feature(DType::f16, 8, 2, 3);
    m.dpu(DType::f16, 8, 2, 3, out, 0, true);
    m.source(DType::f32, in, 2, 3, true);
    m.write(0x504c, 0x7ffffff0);
    m.write(0x5044, 5u << 15 | 1u << 8 | 1);  // the notch says nothing then
    m.relocate(0x5038, in, Machine::u(Machine::surface(2, 3)));
    m.task(0x18);
    auto it = m.interpreter("Cast");
    REQUIRE_EQ(it.refusal(0), "");
    it.write(in, x);
    it.run(0);
    CHECK(it.read(out) == x);
  }
  SUBCASE("a window of a larger map: line and surface notches") {
    Random r(4);
    const Image x(20, 6, 7, r.values(20 * 42, DType::i8));
    Machine m;
    const int in = m.feature(DType::i8, 20, 6, 7), out = m.feature(DType::i8, 20, 3, 4);
    m.dpu(DType::i8, 20, 3, 4, out);
    m.source(DType::i8, in, 3, 4);
    m.relocate(0x5018, in, (2 * 7 + 1) * 16);
    m.write(0x5048, 3u << 19);
    m.write(0x504c, Machine::u(Machine::surface(6, 7) - (2 * 7 + 4) * 16));
    m.task(0x18);
    auto it = m.interpreter("Slice");
    it.write(in, x.v);
    it.run(0);
    const Image y(20, 3, 4, it.read(out));
    for (int c = 0; c < 20; ++c)
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 4; ++j) REQUIRE_EQ(y.at(c, i, j), x.at(c, i + 2, j + 1));
  }
  for (const bool most : {true, false}) {
    CAPTURE(most);
    Random r(6);
    const Image x(11, 2, 5, r.values(110, DType::f16));
    Machine m;
    const int in = m.feature(DType::f16, 11, 2, 5), out = m.feature(DType::f16, 1, 2, 5),
              plane = m.feature(DType::f16, 1, 2, 5, 1, 5);
    for (const bool packed : {false, true}) {
      m.dpu(DType::f16, 16, 2, 5, packed ? plane : out, 0, true);
      m.source(DType::f16, in, 2, 5, true);
      m.write(0x403c, 10u << 16 | 15);
      m.write(0x4034, (most ? 7u : 5u) << 22 | 1);
      m.write(0x400c, packed ? 1u << 25 : 0);
      m.task(0x18);
    }
    auto it = m.interpreter("ReduceMax");
    REQUIRE_EQ(it.refusal(0), "");
    it.write(in, x.v);
    it.run(0);
    for (const auto& y : {it.read(out), it.read(plane)})
      for (int i = 0; i < 10; ++i) {
        double want = x.v[static_cast<std::size_t>(i)];
        for (int c = 1; c < 11; ++c) {
          const double v = x.v[static_cast<std::size_t>(c * 10 + i)];
          want = most ? std::max(want, v) : std::min(want, v);
        }
        CHECK_EQ(y[static_cast<std::size_t>(i)], want);
      }
  }
  SUBCASE("unpooling repeats pixels: one task a surface") {
    Random r(8);
    const Image x(16, 3, 2, r.values(96, DType::i8));
    Machine m;
    const int in = m.feature(DType::i8, 16, 3, 2), out = m.feature(DType::i8, 16, 6, 6);
    m.dpu(DType::i8, 16, 3, 6, out);
    m.source(DType::i8, in, 3, 2);
    m.write(0x5048, 1u << 12 | 1u << 3 | 2);  // 3 wide, 2 high
    m.write(0x4024, 6 * 16);
    m.write(0x4038, 6);  // the copy goes one row down, source rows two apart
    m.task(0x18);
    auto it = m.interpreter("Resize");
    REQUIRE_EQ(it.refusal(0), "");
    it.write(in, x.v);
    it.run(0);
    const Image y(16, 6, 6, it.read(out));
    for (int c = 0; c < 16; ++c)
      for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 6; ++j) REQUIRE_EQ(y.at(c, i, j), x.at(c, i / 2, j / 3));
  }
}
