#include <doctest/doctest.h>

#include "commands.hpp"
#include "ez_rknn/error.hpp"
#include "npu/regs/normalise.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using test::registers;

namespace {
constexpr std::uint32_t kNoMin = 0x80000000u, kNoMax = 0x7fffffffu;
const Chip& rv1106() { return *find_chip("rv1106"); }
const Chip& rv1106b() { return *find_chip("rv1106b"); }
}  // namespace

TEST_CASE("family C: a convolution with its table, and one with everything per layer") {
  const auto table = registers(0x1d,
                               {{0x4040, 0x120180 | 14u << 9},
                                {0x404c, kNoMin},
                                {0x401c, 700},
                                {0x4050, 0x30000001},
                                {0x4054, 13u << 24},
                                {0x4060, 0x12},
                                {0x406c, 0},
                                {0x4028, kNoMax},
                                {0x40e0, kNoMin},
                                {0x40e4, 500},
                                {0x4070, 1},
                                {0x4080, 4},
                                {0x4084, 0xffff},
                                {0x4088, 3},
                                {0x501c, 0xe}},
                               {{0x5020, {3, 0}}, {0x4020, {2, 0}}, {0x1070, {1, 0}}, {0x1110, {5, 0}}});
  const Arithmetic a = normalise(rv1106(), file::Graph{}, table, false);
  CHECK((a.ow_table && a.bs->alu_operand.table && a.bs->mul_operand.table));
  CHECK_EQ(a.bs->shift, 14);
  CHECK_EQ(a.bs->shift_negative, 13);
  CHECK_EQ(a.bs->clamp.hi, 700);
  CHECK_EQ(a.bn->clamp.lo, 0);
  CHECK_EQ(a.bn->clamp.hi, 500);
  CHECK_EQ(a.out.scale, -1);
  const auto layer = registers(0x1d, {{0x4040, 0x100012 | 3u << 9},
                                      {0x4018, 0xfffffffe},
                                      {0x4048, 0x00070004},
                                      {0x4054, 0x8000ff00},
                                      {0x404c, kNoMin},
                                      {0x401c, kNoMax},
                                      {0x4060, 1},
                                      {0x4070, 1}});
  const Arithmetic b = normalise(rv1106(), file::Graph{}, layer, false);
  CHECK_EQ(b.ow_constant, -256);
  CHECK_EQ(b.bs->alu_operand.value, -2);
  CHECK_EQ(b.bs->mul_operand.value, 7);
  CHECK(b.bs->prelu);
  CHECK_EQ(b.bs->shift, 3);
}

TEST_CASE("family C: element-wise") {
  const auto regs = registers(0x18,
                              {{0x4040, 1},
                               {0x4060, 1},
                               {0x4070, 0x8002c0c0},
                               {0x4074, 0xff80},
                               {0x4078, 0x00c50002},
                               {0x407c, 0},
                               {0x402c, kNoMax},
                               {0x40e8, kNoMin},
                               {0x40ec, 99},
                               {0x5034, 0x40000004}},
                              {{0x5038, {4, 0}}});
  const Arithmetic a = normalise(rv1106(), file::Graph{}, regs, false);
  CHECK_EQ(a.ew->op, ElementWise::Op::add);
  CHECK_EQ(a.ew->offset, -128);
  CHECK_EQ(a.ew->operand_shift, 5);
  CHECK_EQ(a.ew->result_shift, 3);
  CHECK_EQ(a.ew->clamp.lo, 0);
  CHECK_EQ(a.ew->clamp.hi, 99);
  auto odd = regs;
  odd.set(0x5034, 0x80000008);
  CHECK_THROWS_AS(normalise(rv1106(), file::Graph{}, odd, false), Unsupported);
}

TEST_CASE("family D: BS from its table, residual Add in the merged stage") {
  const auto regs =
      registers(0x19,
                {{0x4030, 0x400200c2},
                 {0x403c, kNoMin},
                 {0x4040, kNoMax},
                 {0x4044, kNoMin},
                 {0x4048, kNoMax},
                 {0x404c, 0x2062481c},
                 {0x405c, 0},
                 {0x4060, kNoMax},
                 {0x4064, kNoMin},
                 {0x4068, 1234},
                 {0x4080, 0x0d0e},
                 {0x4088, 0xff800123},
                 {0x408c, 0xfffffff0},
                 {0x4090, 0x00157a89},
                 {0x501c, 0xb},
                 {0x5034, 0x40000004}},
                {{0x5020, {3, 0}}, {0x5038, {4, 0}}, {0x4010, {5, 0}}, {0x1034, {6, 0}}, {0x1038, {7, 0}}});
  const Arithmetic a = normalise(rv1106b(), file::Graph{}, regs, false);
  CHECK((a.bs_table->bias && a.bs_table->ow && a.bs_table->mul && a.ow_table));
  CHECK_EQ(a.bs->shift, 14);
  CHECK_EQ(a.bs->shift_negative, 13);
  CHECK_FALSE(a.bn);
  CHECK_EQ(a.ew->op, ElementWise::Op::add);
  CHECK((a.ew->from_memory && a.ew->convert && !a.ew->lut));
  CHECK_EQ(a.ew->operand_shift, 6);
  CHECK_EQ(a.ew->offset, -128);
  CHECK_EQ(a.ew->scale, 0x123);
  CHECK_EQ(a.ew->clamp.lo, 0);
  CHECK_EQ(a.ew->clamp.hi, 1234);
  CHECK_EQ(a.out.offset, -16);
  CHECK_EQ(a.out.shift, 0x15);
  CHECK_EQ(*a.destination, (Address{5, 0}));
  CHECK_EQ(*a.feature, (Address{6, 0}));
  CHECK_EQ(*a.weights, (Address{7, 0}));
}

TEST_CASE("family D: PReLU is a BN stage, a bypassed merged stage is nothing") {
  const auto prelu = registers(0x19, {{0x4030, 1},
                                      {0x404c, 0x10004c06},
                                      {0x4050, 0x000a0199},
                                      {0x405c, kNoMin},
                                      {0x4060, kNoMax},
                                      {0x4064, kNoMin},
                                      {0x4068, kNoMax}});
  const Arithmetic a = normalise(rv1106b(), file::Graph{}, prelu, false);
  REQUIRE(a.bn);
  CHECK(a.bn->prelu);
  CHECK_EQ(a.bn->mul_operand.value, 0x199);
  CHECK_EQ(a.bn->shift, 10);
  CHECK_EQ(a.bn->shift_negative, 10);
  auto negative = prelu;  // Abs: the upper half is the factor's sign
  negative.set(0x4050, 0xffffc000);
  const Arithmetic n = normalise(rv1106b(), file::Graph{}, negative, false);
  CHECK_EQ(n.bn->mul_operand.value, -0x4000);
  CHECK_EQ(n.bn->shift, 0);
  const auto slopes = registers(
      0x18, {{0x4030, 1}, {0x404c, 0x10004d2a}, {0x405c, kNoMin}, {0x4060, kNoMax}, {0x4064, kNoMin}, {0x4068, kNoMax}},
      {{0x5038, {9, 32}}});
  const Arithmetic t = normalise(rv1106b(), file::Graph{}, slopes, false);
  REQUIRE((t.bn && t.bn_table));
  CHECK((t.bn->prelu && t.bn->mul_operand.table && t.bn_table->mul && !t.bn_table->bias && !t.bn_table->ow));
  CHECK_EQ(t.bn_table->address, (Address{9, 32}));
  const auto offset = [](std::uint32_t codes) {
    return normalise(rv1106b(), file::Graph{}, registers(0x19, {{0x1078, codes}, {0x4030, 1}, {0x404c, 1}}), false);
  };
  CHECK_EQ(offset(0x8080).ow_constant, 128);
  CHECK_EQ(offset(0x0303).ow_constant, 3);
  CHECK_FALSE(offset(0).ow_constant);
  CHECK_THROWS_AS(offset(0x8000), Unsupported);
  const auto none = registers(0x19, {{0x4030, 0x40000033}, {0x404c, 0x1000480f}});
  const Arithmetic b = normalise(rv1106b(), file::Graph{}, none, false);
  CHECK((!b.bs && !b.bn && !b.ew));
  CHECK_THROWS_AS(
      normalise(rv1106b(), file::Graph{}, registers(0x19, {{0x4030, 0x12}, {0x4080, 0x40}, {0x404c, 1}}), false),
      Unsupported);
  CHECK_THROWS_AS(normalise(rv1106b(), file::Graph{}, registers(0x19, {{0x501c, 4}}), false), Unsupported);
}

TEST_CASE("a fused Clip that loses the biases (C) or its lower bound (D) is refused") {
  const auto c = registers(0x1d, {{0x4040, 0x121d00}, {0x4060, 1}, {0x4070, 1}, {0x501c, 0xe}}, {{0x5020, {3, 0}}});
  CHECK_THROWS_WITH_AS(normalise(rv1106(), file::Graph{}, c, false), doctest::Contains("biases are lost"), Unsupported);
  const auto d = registers(0x19, {{0x4030, 1},
                                  {0x404c, 0x1002480c},
                                  {0x4050, 0xffffbe65},
                                  {0x405c, 0},
                                  {0x4060, 0x8336},
                                  {0x4064, kNoMin},
                                  {0x4068, kNoMax}});
  CHECK_THROWS_WITH_AS(normalise(rv1106b(), file::Graph{}, d, false), doctest::Contains("lower bound is lost"),
                       Unsupported);
  auto add = d;
  add.enable = 0x18;  // an element-wise node: adding a number and clipping is what it says
  CHECK_EQ(normalise(rv1106b(), file::Graph{}, add, false).ew->constant.value, -0x419b);
}
