#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <string>

#include "commands.hpp"
#include "ez_rknn/error.hpp"
#include "npu/regs/normalise.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using test::registers;

namespace {
const Chip& rk3588() { return *find_chip("rk3588"); }
const Chip& rk3566() { return *find_chip("rk3566"); }
std::uint32_t f32(float v) { return std::bit_cast<std::uint32_t>(v); }

std::string refusal(const Chip& chip, const TaskRegisters& regs, bool real = false) {
  try {
    normalise(chip, file::Graph{}, regs, real);
  } catch (const Unsupported& e) { return e.what(); }
  return "";
}
}  // namespace

TEST_CASE("an int8 convolution of RK3588: table with bias, OW and MUL, Relu in BN") {
  const auto regs = registers(0x1d,
                              {{0x4010, 0x00000e << 4},
                               {0x4040, 0x20140},
                               {0x4048, 0x00000e01},
                               {0x4050, 0x124},
                               {0x4060, 0x12},
                               {0x4070, 0x383},
                               {0x4080, 0xffffff80},
                               {0x4084, 0x7a89},
                               {0x4088, 0x18},
                               {0x501c, 0xe}},
                              {{0x1070, {1, 0}}, {0x1110, {2, 128}}, {0x4020, {3, 0}}, {0x5020, {4, 64}}});
  const Arithmetic a = normalise(rk3588(), file::Graph{}, regs, false);
  CHECK_FALSE(a.real);
  CHECK(a.ow_table);
  CHECK_FALSE(a.ow_constant);
  REQUIRE(a.bs_table);
  CHECK_EQ(a.bs_table->address, (Address{4, 64}));
  CHECK((a.bs_table->bias && a.bs_table->ow && a.bs_table->mul));
  REQUIRE(a.bs);
  CHECK_FALSE(a.bs->mul_first);
  CHECK_EQ(*a.bs->alu, Alu::add);
  CHECK((a.bs->alu_operand.table && a.bs->mul && a.bs->mul_operand.table));
  CHECK_EQ(a.bs->shift, 14);
  CHECK_EQ(a.bs->shift_negative, 14);
  CHECK_FALSE(a.bs->clamp.lo);
  REQUIRE(a.bn);
  CHECK(a.bn->mul_first);
  CHECK_FALSE(a.bn->alu);
  CHECK_FALSE(a.bn->mul);
  CHECK_EQ(a.bn->clamp.lo, 0);
  CHECK_FALSE(a.bn->clamp.hi);
  CHECK_FALSE(a.ew);
  CHECK_EQ(a.out.offset, -128);
  CHECK_EQ(a.out.scale, 0x7a89);
  CHECK_EQ(a.out.shift, 0x18);
  CHECK_EQ(a.out.float_scale, std::ldexp(0x7a89, -0x18));
  CHECK_EQ(*a.feature, (Address{1, 0}));
  CHECK_EQ(*a.weights, (Address{2, 128}));
  CHECK_EQ(*a.destination, (Address{3, 0}));
  CHECK_FALSE(a.source);
}

TEST_CASE("stages of RK3588 with register operands, PReLU and a clip") {
  const auto regs = registers(0x18, {{0x4010, 7u << 10 | 3u << 4},
                                     {0x4040, 0x20000 | 0x80},
                                     {0x4044, 0xfffffff0},
                                     {0x4048, 0xfffe0500},
                                     {0x404c, 1000},
                                     {0x4060, 0x62},
                                     {0x4068, 0x00190900},
                                     {0x4050, 0},
                                     {0x4054, 0xffef},
                                     {0x301c, 5},
                                     {0x4070, 1}});
  const Arithmetic a = normalise(rk3588(), file::Graph{}, regs, false);
  CHECK_EQ(a.bs->alu_operand.value, -16);
  CHECK_EQ(a.bs->mul_operand.value, -2);
  CHECK_EQ(a.bs->shift, 5);
  CHECK_EQ(a.bs->shift_negative, 3);
  CHECK_EQ(a.bs->clamp.lo, 0);
  CHECK_EQ(a.bs->clamp.hi, 1000);
  CHECK(a.bn->prelu);
  CHECK_EQ(a.bn->mul_operand.value, 25);
  CHECK_EQ(a.bn->shift, 9);
  CHECK_EQ(a.bn->shift_negative, 7);
  CHECK_FALSE(a.bn->clamp.lo);  // bit 6: no Relu
  CHECK_EQ(a.ow_constant, -17);
  CHECK_EQ(a.accumulator_shift, 5);
}

TEST_CASE("the float pipeline reads f32 and f16 bits") {
  const auto regs = registers(0x18,
                              {{0x4040, 0x20040},
                               {0x4044, f32(1.5f)},
                               {0x4048, 0x3800u << 16},
                               {0x4060, 0x92},
                               {0x406c, f32(6.0f)},
                               {0x4070, 0x108202c0},
                               {0x4078, 0x3c00},
                               {0x4088, 15u << 12},
                               {0x5044, 0x7849}},
                              {{0x5018, {1, 0}}, {0x5038, {2, 0}}, {0x4020, {3, 0}}});
  const Arithmetic a = normalise(rk3588(), file::Graph{}, regs, true);
  CHECK_EQ(a.bs->alu_operand.real, 1.5f);
  CHECK_EQ(a.bs->mul_operand.real, 0.5f);
  CHECK_EQ(a.bn->clamp.lo_real, 0.0f);
  CHECK_EQ(a.bn->clamp.hi_real, 6.0f);
  CHECK_FALSE(a.bn->clamp.hi);
  REQUIRE(a.ew);
  CHECK_EQ(a.ew->op, ElementWise::Op::add);
  CHECK((a.ew->from_memory && !a.ew->per_channel && a.ew->convert && !a.ew->lut));
  CHECK_EQ(a.ew->scale_real, 1.0f);  // f16 1.0
  CHECK_EQ(*a.operand, (Address{2, 0}));
  CHECK_EQ(a.out.float_scale, std::ldexp(1.0, -15));
}

TEST_CASE("an operand read by two DMAs is named by 5018") {
  const auto regs =
      registers(0x1d, {{0x4070, 0x904202c0}, {0x4074, 128}, {0x4078, 0x00110002 | 3u << 22}, {0x5044, 0x7d00}},
                {{0x5018, {7, 0}}, {0x5038, {7, 3136}}, {0x4020, {3, 0}}});
  const Arithmetic a = normalise(rk3588(), file::Graph{}, regs, false);
  CHECK_EQ(*a.operand, (Address{7, 0}));
  CHECK_EQ(a.ew->offset, 128);
  CHECK_EQ(a.ew->scale, 2);
  CHECK_EQ(a.ew->operand_shift, 0x11);
  CHECK_EQ(a.ew->result_shift, 3);
}

TEST_CASE("a look-up on RK3588 with its ranges, and a maximum behind it") {
  const auto regs = registers(0x18, {{0x4070, 0x300},
                                     {0x4090, 0},
                                     {0x410c, 0x00050600},
                                     {0x4110, 0xffffc000},
                                     {0x4114, 0},
                                     {0x4118, 0},
                                     {0x411c, 0x4000},
                                     {0x4120, 0x1234fff0},
                                     {0x4124, 7u << 5 | 3},
                                     {0x4128, 0x00205678},
                                     {0x412c, 9u << 5 | 1}});
  const Arithmetic a = normalise(rk3588(), file::Graph{}, regs, false);
  REQUIRE(a.ew);
  CHECK(a.ew->lut);
  CHECK_EQ(a.ew->op, ElementWise::Op::max);
  CHECK_FALSE(a.ew->from_memory);
  CHECK_EQ(a.ew->constant.value, 0);
  CHECK(a.lut == LutRange{.le_start = -16384,
                          .le_end = 0,
                          .lo_start = 0,
                          .lo_end = 16384,
                          .le_index_shift = 6,
                          .lo_index_shift = 5,
                          .underflow_scale = -16,
                          .overflow_scale = 0x20,
                          .underflow_shift = 3,
                          .overflow_shift = 9});
}

TEST_CASE("RK3566 has its ALU operations elsewhere and a PPU behind fp16 look-ups") {
  const auto add = registers(0x1f, {{0x4040, 0x48}, {0x4070, 0x900002d0}, {0x5044, 0x4041 | 7u << 8}},
                             {{0x5018, {1, 0}}, {0x5038, {2, 0}}, {0x4020, {3, 0}}});
  const Arithmetic a = normalise(rk3566(), file::Graph{}, add, false);
  CHECK_EQ(*a.bs->alu, Alu::add);
  CHECK_EQ(a.ew->op, ElementWise::Op::add);
  CHECK_EQ(*a.operand, (Address{2, 0}));  // never 5018
  CHECK_EQ(a.ppu_scale, 1.0f);
  const auto chained = registers(0x38, {{0x4070, 1}, {0x6038, 0x5da8}, {0x603c, 0x5da8}});
  CHECK_EQ(normalise(rk3566(), file::Graph{}, chained, true).ppu_scale, 362.0f * 362.0f / 4294967296.0f);
  CHECK_NE(refusal(rk3566(), registers(0x38, {{0x6034, 0x00010001}, {0x4070, 1}}), true), "");
}

TEST_CASE("a fused Clip that lacks a bound: none in int8, refused in fp16 where the file has lost the other one") {
  const auto clip = [](std::uint32_t added, std::uint32_t compare) {
    return registers(0x18, {{0x4040, 1}, {0x4060, 0x20090}, {0x4064, added}, {0x406c, compare}, {0x4070, 1}});
  };
  const Arithmetic bounded = normalise(rk3588(), file::Graph{}, clip(7860, 500), false);
  CHECK_EQ(bounded.bn->clamp.lo, 0);
  CHECK_EQ(bounded.bn->clamp.hi, 500);
  const Arithmetic open = normalise(rk3588(), file::Graph{}, clip(7860, 0), false);
  CHECK_FALSE(open.bn->clamp.lo);
  CHECK_FALSE(open.bn->clamp.hi);
  CHECK_EQ(refusal(rk3588(), clip(f32(0.5f), f32(3.4028235e38f)), true), "");
  CHECK_NE(refusal(rk3588(), clip(f32(3.4028235e38f), f32(3.4028235e38f)), true).find("Clip"), std::string::npos);
}

TEST_CASE("a pooling task has nothing but its ends") {
  const auto regs = registers(0x60, {{0x6034, 0x00110101}}, {{0x6070, {9, 0}}, {0x701c, {8, 32}}});
  const Arithmetic a = normalise(rk3588(), file::Graph{}, regs, false);
  CHECK_EQ(*a.source, (Address{8, 32}));
  CHECK_EQ(*a.destination, (Address{9, 0}));
  CHECK((!a.bs && !a.bn && !a.ew));
}

TEST_CASE("what is not understood on family A is refused by register, value and field") {
  const std::string algo = refusal(rk3588(), registers(0x18, {{0x4040, 0x70000}, {0x4060, 1}, {0x4070, 1}}));
  CHECK_NE(algo.find("4040"), std::string::npos);
  CHECK_NE(algo.find("70000"), std::string::npos);
  CHECK_NE(algo.find("bits 16..19 = 7"), std::string::npos);
  const auto quiet = [](std::uint16_t reg, std::uint32_t value) {
    return registers(0x18, {{0x4040, 1}, {0x4060, 1}, {0x4070, 1}, {reg, value}}, {{0x5020, {1, 0}}});
  };
  CHECK_EQ(refusal(rk3588(), quiet(0x4070, 1)), "");
  CHECK_NE(refusal(rk3588(), quiet(0x4070, 0x300c0)), "");  // integer division
  CHECK_EQ(refusal(rk3588(), quiet(0x4070, 0x303c0), true), "");
  CHECK_NE(refusal(rk3588(), quiet(0x4070, 0x503c0)), "");             // algorithm 5
  CHECK_NE(refusal(rk3588(), quiet(0x4070, 0x2102c0)), "");            // EQUAL mode
  CHECK_NE(refusal(rk3588(), quiet(0x4070, 0x202c0 | 2u << 28)), "");  // operand shape 2
  CHECK_NE(refusal(rk3588(), quiet(0x4070, 0x20280)), "");             // a constant to be converted
  CHECK_NE(refusal(rk3588(), quiet(0x4040, 0x20150)), "");             // bias from a table nobody reads
  auto offset = quiet(0x4080, 1);  // an integer pipeline with an f16 result and an offset
  offset.set(0x4010, 2u << 29);
  CHECK_NE(refusal(rk3588(), offset), "");
  CHECK_EQ(refusal(rk3588(), offset, true), "");
  CHECK_NE(refusal(rk3588(), quiet(0x501c, 0x10)), "");  // a fourth table part
}
