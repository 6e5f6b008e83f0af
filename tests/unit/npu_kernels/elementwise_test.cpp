// Every element-wise kernel against the reference: bit for bit for integers, within a bound for reals.
#include <doctest/doctest.h>

#include <map>

#include "layers.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::kernels;
using namespace ez_rknn::npu::kernels::test;

namespace {

std::map<std::string, int> used;

struct Case {
  int height, width, channels;
};

Case random_case(Random& random) {
  return {random(1, 9), random(1, 40), random.one_of({1, 2, 3, 5, 16, 17, 33, 64, 100, 2100})};
}

template <class Check>
void compare(unsigned seed, Random& random, const Case& size, DType input, const DpuLayer& layer, Team& team,
             Check check) {
  const bool one = layer.ew && layer.ew->per_channel;
  const int gap = random.chance(50) ? 0 : 16, row_gap = random.chance(50) ? 0 : random(1, 40);
  TestMap in(input, size.height, size.width, size.channels, gap, row_gap);
  TestMap operand(layer.operand_type, one ? 1 : size.height, one ? 1 : size.width, size.channels, gap, 0);
  TestMap expected(layer.out_type, size.height, size.width, size.channels, gap, row_gap);
  TestMap got(layer.out_type, size.height, size.width, size.channels, gap, row_gap);
  in.randomise(random), operand.randomise(random);
  expected.mark(), got.mark();
  prepare_elementwise(input, layer, cpu::Isa::ref)
      ->run(in.view(), operand.view(), expected.map(), size.height, size.width, team);
  for (const ElementWiseVariant& v : elementwise_variants()) {
    if (v.isa == cpu::Isa::ref || !cpu::allows(v.isa)) continue;
    const auto made = v.make(input, layer);
    if (!made) continue;
    ++used[std::string(v.name)];
    got.mark();
    made->run(in.view(), operand.view(), got.map(), size.height, size.width, team);
    CAPTURE(v.name);
    CAPTURE(seed);
    CAPTURE(size.channels);
    CAPTURE(name_of(input));
    check(expected, got);
  }
}

}  // namespace

TEST_CASE("integer element-wise layers equal the reference bit for bit") {
  Team one(1), two(2);
  for_each_kind(static_cast<int>(TailKind::count), [&](int kind) {
    for (unsigned i = 0; i < 40; ++i) {
      const unsigned seed = 1000 * static_cast<unsigned>(kind) + i;
      Random random(seed);
      const Case size = random_case(random);
      const DType input = random.one_of({DType::i8, DType::i8, DType::i16, DType::i32});
      const double reach = input == DType::i8 ? 128 : input == DType::i16 ? 32768 : 2e6;
      const DpuLayer layer = random_layer(random, static_cast<TailKind>(kind), size.channels, reach);
      CAPTURE(kind);
      compare(seed, random, size, input, layer, i % 2 ? one : two,
              [](TestMap& expected, TestMap& got) { REQUIRE_EQ(differences(expected, got), 0); });
    }
  });
}

/// A layer as the compiler makes an Add, with numbers from any network, and some that no kernel of bytes may take.
DpuLayer random_sum(Random& random, int channels) {
  DpuLayer layer;
  layer.channels = channels;
  layer.bs = ResolvedStage{};
  if (random.chance(90)) layer.bs->alu = Alu::add, layer.bs->alu_value = {{random(-200, 200)}};
  if (random.chance(90)) layer.bs->mul = true, layer.bs->mul_value = {{random.one_of({16384, 16384, 1, 9001, -16384})}};
  if (random.chance(10)) layer.bs->shift = layer.bs->shift_negative = random(0, 3);
  layer.ew = ElementWise{};
  layer.ew->op = ElementWise::Op::add, layer.ew->from_memory = true, layer.ew->convert = random.chance(90);
  layer.ew->offset = random(-200, 200), layer.ew->scale = random(-32768, 32767), layer.ew->operand_shift = random(0, 3);
  if (random.chance(10)) layer.ew->clamp.lo = 0;
  layer.out.scale = random(1, 32767), layer.out.shift = random(20, 31), layer.out.offset = random(-128, 127);
  if (random.chance(10)) layer.out.shift = random(0, 20);
  if (random.chance(20))  // many halves
    layer.bs->mul_value = {{1}}, layer.ew->convert = false, layer.out.scale = 1, layer.out.shift = random(1, 2);
  return layer;
}

TEST_CASE("sums of two maps of int8 equal the reference bit for bit, groups of channels whole or not") {
  Team one(1), two(2);
  for (unsigned i = 0; i < 150; ++i) {
    Random random(90000 + i);
    const Case size{random(1, 9), random(1, 40), random.one_of({16, 16, 32, 48, 64, 128, 2096, 17})};
    const DpuLayer layer = random_sum(random, size.channels);
    compare(i, random, size, DType::i8, layer, i % 2 ? one : two,
            [](TestMap& expected, TestMap& got) { REQUIRE_EQ(differences(expected, got), 0); });
  }
}

// A handful of f32 operations each err by 2^-24 of values up to 1e3; a table's slope multiplies what reaches it.
TEST_CASE("real element-wise layers stay within f32 rounding, and integers they end in within one") {
  Team one(1), two(2);
  for_each_kind(kRealTails, [&](int kind) {
    for (unsigned i = 0; i < 40; ++i) {
      const unsigned seed = 500 * static_cast<unsigned>(kind) + i;
      Random random(seed);
      const Case size = random_case(random);
      const DType input = random.one_of({DType::f16, DType::bf16, DType::f32, DType::i8, DType::i16, DType::i32});
      DpuLayer layer = random_real_layer(random, kind, size.channels);
      if (random.chance(20)) layer.out_type = random.one_of({DType::i8, DType::i16}), layer.out.scale = 100;
      const bool integer = is_map_integer(layer.out_type);
      const double magnitude = input == DType::i32 ? 2e6 : input == DType::i16 ? 32768 : input == DType::i8 ? 128 : 2;
      const double slope = kind == 4 || kind == 8 ? 1000.0 * 60 / 32 / 4096 : 4;
      const double absolute = integer ? 1.0 : magnitude * 4 * 0x1p-23 * slope + 1e-6;
      const double relative = integer ? 0.0 : unit_of(layer.out_type);
      CAPTURE(kind);
      compare(seed, random, size, input, layer, i % 2 ? one : two, [&](TestMap& expected, TestMap& got) {
        REQUIRE_LE(worst_ratio(got, expected, absolute, relative), 1.0);
      });
    }
  });
}

TEST_CASE("every element-wise kernel allowed here was used by the cases above") {
  for (const ElementWiseVariant& v : elementwise_variants())
    if (v.isa != cpu::Isa::ref && cpu::allows(v.isa)) {
      CAPTURE(v.name);
      CHECK_GT(used[std::string(v.name)], 40);
    }
}
