// The definition itself, against values worked out by hand.
#include <doctest/doctest.h>

#include "ez_rknn/error.hpp"
#include "npu/kernels/dpu/dpu_ref.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::kernels;

namespace {

DpuLayer plain(int channels = 1) {
  DpuLayer layer;
  layer.channels = channels;
  return layer;
}

ResolvedStage multiply(std::int32_t m, int shift) {
  ResolvedStage s;
  s.mul = true;
  s.mul_value = {{m}};
  s.shift = s.shift_negative = shift;
  return s;
}

}  // namespace

TEST_CASE("a stage's MUL rounds halves away from zero, the output converter to even") {
  DpuLayer layer = plain();
  layer.bs = multiply(1, 1);
  CHECK_EQ(dpu_ref(layer, 0, 5, 0), 3);
  CHECK_EQ(dpu_ref(layer, 0, -5, 0), -3);
  layer.bs.reset();
  layer.out = {.offset = 10, .scale = 1, .shift = 1};
  CHECK_EQ(dpu_ref(layer, 0, 5, 0), 12);
  CHECK_EQ(dpu_ref(layer, 0, 7, 0), 14);
  CHECK_EQ(dpu_ref(layer, 0, -5, 0), 8);
  CHECK_EQ(dpu_ref(layer, 0, 1000, 0), 127);
  CHECK_EQ(dpu_ref(layer, 0, -1000, 0), -128);
}

TEST_CASE("BN of family A multiplies before it adds, the others after") {
  DpuLayer layer = plain();
  layer.bn = multiply(3, 2);
  layer.bn->alu = Alu::add;
  layer.bn->alu_value = {{10}};
  CHECK_EQ(dpu_ref(layer, 0, 6, 0), 12);  // (6 + 10) * 3 / 4
  layer.bn->mul_first = true;
  CHECK_EQ(dpu_ref(layer, 0, 6, 0), 7);  // (6 * 3 + 10) / 4
}

TEST_CASE("PReLU scales negative values only, whichever order the stage has") {
  for (bool mul_first : {false, true}) {
    CAPTURE(mul_first);
    DpuLayer layer = plain();
    layer.bn = multiply(1, 2);
    layer.bn->prelu = true;
    layer.bn->mul_first = mul_first;
    CHECK_EQ(dpu_ref(layer, 0, 7, 0), 7);
    CHECK_EQ(dpu_ref(layer, 0, -12, 0), -3);
  }
}

TEST_CASE("negative values have a shift of their own; tables are per channel") {
  DpuLayer layer = plain(2);
  layer.bs = multiply(0, 1);
  layer.bs->shift_negative = 3;
  layer.bs->mul_value = {{2, 4}};
  CHECK_EQ(dpu_ref(layer, 0, 8, 0), 8);
  CHECK_EQ(dpu_ref(layer, 1, 8, 0), 16);
  CHECK_EQ(dpu_ref(layer, 1, -8, 0), -4);
}

TEST_CASE("look-up tables interpolate inside and follow their slopes outside") {
  DpuLayer layer = plain();
  layer.out_type = DType::i16;
  layer.ew.emplace();
  layer.ew->lut = true;
  for (int i = 0; i <= 512; ++i) {
    layer.lut.le[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(-2 * (512 - i));
    layer.lut.lo[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(10 * i);
  }
  layer.lut_range.underflow_scale = 3, layer.lut_range.underflow_shift = 1;
  layer.lut_range.overflow_scale = -1, layer.lut_range.overflow_shift = 0;
  CHECK_EQ(dpu_ref(layer, 0, 32, 0), 10);
  CHECK_EQ(dpu_ref(layer, 0, 16, 0), 5);
  CHECK_EQ(dpu_ref(layer, 0, 0, 0), 0);
  CHECK_EQ(dpu_ref(layer, 0, -16, 0), -1);  // -2 + 1: halfway between the last two entries
  CHECK_EQ(dpu_ref(layer, 0, -16384, 0), -1024);
  CHECK_EQ(dpu_ref(layer, 0, -16385, 0), -1026);  // -1.5 rounds away from zero
  CHECK_EQ(dpu_ref(layer, 0, 16384, 0), 5120);
  CHECK_EQ(dpu_ref(layer, 0, 16390, 0), 5114);
}

TEST_CASE("the element-wise operand is converted, half to even, and the result shifted, half away") {
  DpuLayer layer = plain();
  layer.ew.emplace();
  layer.ew->op = ElementWise::Op::add;
  layer.ew->from_memory = true;
  layer.ew->convert = true;
  layer.ew->offset = 1, layer.ew->scale = 1, layer.ew->operand_shift = 1;
  CHECK_EQ(dpu_ref(layer, 0, 100, 4), 102);  // (4 + 1) / 2 = 2.5 -> 2
  CHECK_EQ(dpu_ref(layer, 0, 100, 6), 104);  // 3.5 -> 4
  layer.ew->result_shift = 1;
  CHECK_EQ(dpu_ref(layer, 0, 101, 4), 52);  // 103 / 2 = 51.5 -> 52
  layer.ew->op = ElementWise::Op::mul;
  layer.ew->result_shift = 0;
  layer.ew->clamp.hi = 90;
  CHECK_EQ(dpu_ref(layer, 0, 40, 6), 90);
}

TEST_CASE("the float pipeline has no shifts and integers at its end round to even") {
  DpuLayer layer = plain();
  layer.real = true;
  layer.bs.emplace();
  layer.bs->alu = Alu::add;
  layer.bs->alu_real = {{0.5f}};
  layer.bs->clamp.lo_real = 0.0f;
  layer.out.float_scale = 0.25;
  layer.out_type = DType::f16;
  CHECK_EQ(dpu_ref_real(layer, 0, 1.5f, 0), 0.5);
  CHECK_EQ(dpu_ref_real(layer, 0, -3.0f, 0), 0.0);
  layer.out_type = DType::i8;
  layer.out = {.offset = -3, .scale = 5, .shift = 1};
  CHECK_EQ(dpu_ref_real(layer, 0, 0.5f, 0), -1.0);  // 2.5 -> 2
  CHECK_EQ(dpu_ref_real(layer, 0, 1e9f, 0), 127.0);
}

TEST_CASE("hostile operands saturate instead of overflowing") {
  DpuLayer layer = plain();
  layer.out_type = DType::i32;
  layer.bs = multiply(INT32_MAX, 0);
  layer.bn = multiply(INT32_MIN, 0);
  CHECK_EQ(dpu_ref(layer, 0, INT64_MAX, 0), INT32_MIN);
  CHECK_EQ(dpu_ref(layer, 0, INT64_MIN, 0), INT32_MAX);
}

TEST_CASE("layers that contradict themselves are refused") {
  DpuLayer layer = plain(3);
  layer.bs = multiply(1, 0);
  layer.bs->mul_value = {{1, 2}};
  CHECK_THROWS_AS(check(layer), InvalidArgument);
  layer.bs->mul_value = {};
  CHECK_THROWS_AS(check(layer), InvalidArgument);
  layer.bs.reset();
  layer.ew.emplace();
  layer.ew->op = ElementWise::Op::div;
  CHECK_THROWS_AS(check(layer), Unsupported);
  layer.ew.reset();
  layer.out_type = DType::u8;
  CHECK_THROWS_AS(check(layer), InvalidArgument);
}
