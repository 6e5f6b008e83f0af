#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "commands.hpp"
#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"
#include "npu/regs/normalise.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using test::registers;

namespace {
constexpr std::uint32_t kNoMin = 0x80000000u, kNoMax = 0x7fffffffu;
const Chip& rk3562() { return *find_chip("rk3562"); }
const Chip& rk3576() { return *find_chip("rk3576"); }

/// A graph whose tensor 0 is a configuration tensor of these bytes.
struct ConfigGraph {
  std::array<std::byte, 128> bytes{};
  file::Graph graph;
  explicit ConfigGraph(std::size_t size = 128) {
    file::Tensor t;
    t.name = "add_BScfgTensor", t.data = {bytes.data(), size};
    graph.tensors.push_back(t);
  }
  template <class T>
  void put(std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
};
}  // namespace

TEST_CASE("an int8 convolution of RK3562: per-layer OW, bias table, MUL register, Relu as a minimum") {
  const auto regs = registers(0x1d,
                              {{0x4038, 0x120080 | 14u << 8},
                               {0x4044, 0x40000000},
                               {0x4048, kNoMin},
                               {0x404c, kNoMax},
                               {0x4050, 0},
                               {0x4054, 0x800dff80},
                               {0x4060, 0x12},
                               {0x406c, 0},
                               {0x4070, kNoMax},
                               {0x4074, kNoMin},
                               {0x4078, 900},
                               {0x407c, 1},
                               {0x40ac, 5},
                               {0x40b0, 0x7a89},
                               {0x40b4, 0x18},
                               {0x501c, 2},
                               {0x3024, 0xe5}},
                              {{0x1088, {1, 0}}, {0x4018, {2, 0}}, {0x5020, {3, 0}}, {0x1110, {4, 0}}});
  const Arithmetic a = normalise(rk3562(), file::Graph{}, regs, false);
  CHECK_EQ(a.ow_constant, -128);
  CHECK_EQ(a.accumulator_shift, 5);
  CHECK(a.bs->alu_operand.table);
  CHECK_EQ(a.bs->mul_operand.value, 0x4000);
  CHECK_EQ(a.bs->shift, 14);
  CHECK_EQ(a.bs->shift_negative, 13);
  CHECK((!a.bs->clamp.lo && !a.bs->clamp.hi));
  CHECK_FALSE(a.bn->mul_first);
  CHECK_EQ(a.bn->clamp.lo, 0);
  CHECK_EQ(a.bn->clamp.hi, 900);
  CHECK_EQ(a.out.offset, 5);
  CHECK_EQ(*a.destination, (Address{2, 0}));
  CHECK_EQ(*a.feature, (Address{1, 0}));
}

TEST_CASE("element-wise operations of RK3562, integer and float") {
  const std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> add = {
      {0x4038, 0x53},       {0x4060, 1},      {0x407c, 0x8002c0c0}, {0x4080, 0x80},
      {0x4084, 0x00120003}, {0x4088, kNoMin}, {0x408c, kNoMax},     {0x40a4, kNoMin},
      {0x40a8, kNoMax},     {0x40b0, 3},      {0x40b4, 0xf002},     {0x5034, 0x40000004}};
  const Arithmetic a = normalise(rk3562(), file::Graph{}, registers(0x18, add, {{0x5038, {6, 0}}}), false);
  CHECK_EQ(a.ew->op, ElementWise::Op::add);
  CHECK((a.ew->from_memory && !a.ew->per_channel && a.ew->convert));
  CHECK_EQ(a.ew->offset, 128);
  CHECK_EQ(a.ew->scale, 3);
  CHECK_EQ(a.ew->operand_shift, 18);
  CHECK_EQ(a.out.float_scale, std::ldexp(0.75, -15));
  const Arithmetic r = normalise(rk3562(), file::Graph{}, registers(0x18, add, {{0x5038, {6, 0}}}), true);
  CHECK_EQ(r.out.float_scale, std::ldexp(0.75, -15));  // scale and shift apply to floats too, unlike on family A
  CHECK_EQ(r.ew->scale_real, half_to_float(3));
  auto per_channel = registers(0x18, add, {{0x5038, {6, 0}}});
  per_channel.set(0x5034, 4);
  CHECK(normalise(rk3562(), file::Graph{}, per_channel, false).ew->per_channel);
  auto both = registers(0x18, add);
  both.set(0x407c, 0x00028080);
  CHECK_THROWS_AS(normalise(rk3562(), file::Graph{}, both, false), Unsupported);
}

TEST_CASE("RK3576 packs the operands present one after another into configuration tensors") {
  ConfigGraph g;
  const std::size_t at = 16;  // behind an addend
  g.put<std::int32_t>(at, -77), g.put<std::int16_t>(at + 32, -5), g.put<std::int16_t>(at + 48, 321);
  g.put<std::uint8_t>(at + 64, 9), g.put<std::uint8_t>(at + 65, 8);
  const auto bs = [&](std::uint32_t parts, std::uint32_t config, std::uint32_t multiply) {
    return registers(0x18,
                     {{0x501c, parts},
                      {0x4038, config},
                      {0x4050, multiply},
                      {0x4048, kNoMin},
                      {0x404c, kNoMax},
                      {0x4060, 1},
                      {0x407c, 1}},
                     {{0x5024, {0, 16}}, {0x5020, {1, 0}}});
  };
  const Arithmetic all = normalise(rk3576(), g.graph, bs(0x1e, 0x100012, 0), false);
  CHECK_EQ(all.bs->alu_operand.value, -77);
  CHECK_EQ(all.ow_constant, -5);
  CHECK_EQ(all.bs->mul_operand.value, 321);
  CHECK_EQ(all.bs->shift, 9);
  CHECK_EQ(all.bs->shift_negative, 8);
  // Without ALU and OW, MUL comes first: the bytes of -77 as 16 bits.
  const Arithmetic mul = normalise(rk3576(), g.graph, bs(0x08, 0x52, 0), false);
  CHECK_FALSE(mul.bs->alu);
  CHECK_EQ(mul.bs->mul_operand.value, -77);
  CHECK_FALSE(mul.ow_constant);
  // Everything from the table, shifts from the tensor's first bytes.
  CHECK_THROWS_AS(normalise(rk3576(), g.graph, bs(0x710, 0x120080, 0x11110), false), Unsupported);  // shift 0xb3
  ConfigGraph shifts;
  shifts.put<std::uint16_t>(at, 0x0d0e);
  const Arithmetic table = normalise(rk3576(), shifts.graph, bs(0x710, 0x120080, 0x11110), false);
  CHECK((table.ow_table && table.bs->alu_operand.table && table.bs->mul_operand.table));
  CHECK_EQ(table.bs->shift, 14);
  CHECK_EQ(table.bs->shift_negative, 13);
}

TEST_CASE("configuration tensors are not trusted") {
  const auto regs = registers(0x18, {{0x501c, 0x1e}, {0x4038, 0x12}, {0x4060, 1}, {0x407c, 1}}, {{0x5024, {0, 40}}});
  ConfigGraph cut(100);
  CHECK_THROWS_AS(normalise(rk3576(), cut.graph, regs, false), ModelError);
  ConfigGraph whole(128);
  CHECK_NOTHROW(normalise(rk3576(), whole.graph, regs, false));
  for (const Address bad : {Address{0, 0xffffffff}, Address{0, 129}})
    CHECK_THROWS_AS(
        normalise(rk3576(), whole.graph,
                  registers(0x18, {{0x501c, 2}, {0x4038, 0x12}, {0x4060, 1}, {0x407c, 1}}, {{0x5024, bad}}), false),
        ModelError);
  for (const Address bad : {Address{-1, 0}, Address{5, 0}})
    CHECK_THROWS_AS(
        normalise(rk3576(), whole.graph,
                  registers(0x18, {{0x501c, 2}, {0x4038, 0x12}, {0x4060, 1}, {0x407c, 1}}, {{0x5024, bad}}), false),
        Unsupported);
  CHECK_THROWS_AS(normalise(rk3576(), whole.graph, registers(0x18, {{0x501c, 2}, {0x4038, 0x12}}), false), Unsupported);
}

TEST_CASE("BN of RK3576: operation in bits 4..7, PReLU in bit 10, table parts at bit 8") {
  ConfigGraph g;
  g.put<std::int16_t>(0, 300), g.put<std::uint8_t>(16, 10), g.put<std::uint8_t>(17, 11);
  const auto prelu = registers(0x1d,
                               {{0x4038, 1},
                                {0x4060, 0x402},
                                {0x5028, 0x18},
                                {0x406c, kNoMin},
                                {0x4070, kNoMax},
                                {0x4074, kNoMin},
                                {0x4078, kNoMax},
                                {0x407c, 1}},
                               {{0x5030, {0, 0}}});
  const Arithmetic a = normalise(rk3576(), g.graph, prelu, false);
  CHECK(a.bn->prelu);
  CHECK_EQ(a.bn->mul_operand.value, 300);
  CHECK_EQ(a.bn->shift, 10);
  CHECK_EQ(a.bn->shift_negative, 11);
  const auto table = registers(0x1d, {{0x4038, 1}, {0x4060, 0xa02}, {0x5028, 0x400}, {0x407c, 1}}, {{0x502c, {0, 0}}});
  const Arithmetic b = normalise(rk3576(), g.graph, table, true);
  CHECK((b.bn_table && b.bn_table->mul && !b.bn_table->bias && b.bn->mul_operand.table));
  const auto nothing = registers(0x1d, {{0x4038, 1}, {0x4060, 0x802}, {0x407c, 1}});
  CHECK_THROWS_AS(normalise(rk3576(), g.graph, nothing, false), Unsupported);
}

TEST_CASE("the look-up ranges of RK3576 are segments") {
  const auto regs = registers(0x18, {{0x4038, 1},
                                     {0x4060, 1},
                                     {0x407c, 0x1004140},
                                     {0x410c, 0x00050500},
                                     {0x4110, 0xffffc000},
                                     {0x414c, 0x4000},
                                     {0x4154, 0xfff00001},
                                     {0x4160, 0x07000000},
                                     {0x4174, 0x00200001},
                                     {0x4184, 0x03000000}});
  const Arithmetic a = normalise(rk3576(), file::Graph{}, regs, false);
  CHECK(a.ew->lut);
  CHECK_EQ(a.ew->op, ElementWise::Op::none);
  CHECK(a.lut == LutRange{.le_start = -16384,
                          .le_end = 0,
                          .lo_start = 0,
                          .lo_end = 0x4000,
                          .le_index_shift = 5,
                          .lo_index_shift = 5,
                          .underflow_scale = -16,
                          .overflow_scale = 32,
                          .underflow_shift = 7,
                          .overflow_shift = 3});
  auto wild = regs;
  wild.set(0x410c, 0x00400500);
  CHECK_THROWS_AS(normalise(rk3576(), file::Graph{}, wild, false), Unsupported);
}

TEST_CASE("the processing precision tells bfloat16 operands from f16 ones") {
  const auto regs = [](std::uint32_t format) {
    return registers(0x1d, {{0x4010, format},
                            {0x4038, 0x53},
                            {0x4060, 0x20000},
                            {0x4068, 0x45310000},
                            {0x406c, kNoMin},
                            {0x4070, kNoMax},
                            {0x4074, kNoMin},
                            {0x4078, kNoMax},
                            {0x407c, 0x10041c1}});
  };
  const Arithmetic brain = normalise(rk3562(), file::Graph{}, regs(0x60000003), true);
  CHECK(brain.brain);
  CHECK_EQ(brain.bn->mul_operand.real, 2832.0f);
  const Arithmetic half = normalise(rk3562(), file::Graph{}, regs(0x40000002), true);
  CHECK_FALSE(half.brain);
  CHECK_EQ(half.bn->mul_operand.real, 5.19140625f);
}

TEST_CASE("a fused Clip that takes the place of the biases is refused, not computed without them") {
  const auto clip = registers(0x1d, {{0x4038, 0x100012}, {0x4040, 0x3f400000}, {0x4060, 1}, {0x407c, 1}, {0x501c, 2}},
                              {{0x5020, {3, 0}}});
  CHECK_THROWS_WITH_AS(normalise(rk3562(), file::Graph{}, clip, true), doctest::Contains("biases are lost"),
                       Unsupported);
  auto plain = clip;
  plain.set(0x501c, 0);  // no biases to lose: an addition of one number
  CHECK_EQ(normalise(rk3562(), file::Graph{}, plain, true).bs->alu_operand.real, 0.75f);
}
