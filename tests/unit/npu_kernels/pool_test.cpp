// Every pooling kernel against the reference.
#include <doctest/doctest.h>

#include <map>

#include "layers.hpp"
#include "npu/kernels/pool/variants.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::kernels;
using namespace ez_rknn::npu::kernels::test;

namespace {

PoolShape random_pool(Random& random) {
  PoolShape s;
  s.kind = random.one_of({PoolShape::Kind::average, PoolShape::Kind::max, PoolShape::Kind::min});
  s.type = random.one_of({DType::i8, DType::i8, DType::i16, DType::f16, DType::bf16});
  s.channels = random.one_of({1, 3, 5, 16, 17, 33, 64, 130, 300});
  s.kernel_h = random.one_of({1, 2, 3, 5, 7, 13}), s.kernel_w = random.chance(70) ? s.kernel_h : random(1, 80);
  s.stride_h = random(1, 3), s.stride_w = random.chance(80) ? s.stride_h : random(1, 70);
  if (random.chance(20)) s.dilation_h = random(1, 3), s.dilation_w = random(1, 3);
  s.pad_top = random(0, s.kernel_h), s.pad_left = random(0, s.kernel_w);
  s.in_h = random(1, 16), s.in_w = random(1, 50);
  s.out_h = random(1, s.in_h + 2), s.out_w = random(1, s.in_w + 2);
  if (!is_float(s.type)) s.pad_value = random(-128, 127);
  // Now and then means that lie exactly between two integers.
  s.reciprocal_h = random.chance(30) ? 0.5 : 1.0 / s.kernel_h, s.reciprocal_w = 1.0 / s.kernel_w;
  return s;
}

}  // namespace

TEST_CASE("pooling equals the reference; averages of halves within the rounding of their f32 sum") {
  Team one(1), two(2);
  std::map<std::string, int> used;
  for (unsigned seed = 0; seed < 700; ++seed) {
    Random random(seed);
    const PoolShape s = random_pool(random);
    const int gap = random.chance(50) ? 0 : 16, row_gap = random(0, 30);
    TestMap in(s.type, s.in_h, s.in_w, s.channels, gap, row_gap);
    TestMap expected(s.type, s.out_h, s.out_w, s.channels, gap, row_gap);
    TestMap got(s.type, s.out_h, s.out_w, s.channels, gap, row_gap);
    in.randomise(random);
    expected.mark();
    prepare_pool(s, cpu::Isa::ref)->run(in.view(), expected.map(), one);
    for (const PoolVariant& v : pool_variants()) {
      if (v.isa == cpu::Isa::ref || !cpu::allows(v.isa)) continue;
      const auto pool = v.make(s);
      REQUIRE(pool);
      ++used[std::string(v.name)];
      got.mark();
      pool->run(in.view(), got.map(), seed % 2 ? one : two);
      CAPTURE(v.name);
      CAPTURE(seed);
      CAPTURE(name_of(s.type));
      CAPTURE(static_cast<int>(s.kind));
      if (is_float(s.type) && s.kind == PoolShape::Kind::average)
        REQUIRE_LE(worst_ratio(got, expected, s.kernel_h * s.kernel_w * 2 * 0x1p-22, unit_of(s.type)), 1.0);
      else REQUIRE_EQ(differences(expected, got), 0);
    }
  }
  for (const PoolVariant& v : pool_variants())
    if (v.isa != cpu::Isa::ref && cpu::allows(v.isa)) CHECK_GT(used[std::string(v.name)], 500);
}
