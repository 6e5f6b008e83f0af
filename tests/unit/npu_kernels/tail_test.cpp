// The forms of the DPU's tail (exact, one multiplication, look-up segments, ...) against the reference, with many
// values on and next to ties, and whether the layers that compilers make really get the fast forms.
#include <doctest/doctest.h>

#include <map>
#include <numeric>
#include <set>

#include "layers.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/dpu/tail_plans.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::kernels;
using namespace ez_rknn::npu::kernels::test;

namespace {

constexpr int kPixels = 23;

/// Accumulators spread over the range, or clustered: neighbours of neighbours meet every tie between them.
std::vector<std::int32_t> accumulators(Random& random, int channels, double reach) {
  std::vector<std::int32_t> v(static_cast<std::size_t>(kPixels * padded_channels(channels)));
  const int far = static_cast<int>(reach), base = random(-far, far) / 2;
  const bool cluster = random.chance(50);
  for (auto& x : v)
    x = random.chance(5) ? (random.chance(50) ? far : -far) : cluster ? base + random(-500, 500) : random(-far, far);
  return v;
}

/// The layer's tails of every instruction set over `values` accumulators, padded_channels of them a pixel, all within
/// +-reach.
void compare(const DpuLayer& layer, Random& random, std::span<const std::int32_t> values, double reach,
             std::map<std::string, int>& used) {
  const auto padded = static_cast<std::size_t>(padded_channels(layer.channels));
  const int pixels = static_cast<int>(values.size() / padded);
  TestMap operand(layer.operand_type, 1, pixels, layer.channels, 0, 0);
  operand.randomise(random);
  std::vector<std::int32_t> factors(padded), sums(static_cast<std::size_t>(pixels));
  for (auto& f : factors) f = random(-100, 100);
  for (auto& s : sums) s = random(-100, 100);
  TailTile tile;
  tile.accumulators = reinterpret_cast<const std::byte*>(values.data());
  tile.accumulator_pixel = static_cast<std::ptrdiff_t>(padded) * 4;
  if (random.chance(50)) tile.window_sums = sums.data(), tile.window_factors = factors.data();
  tile.pixels = pixels, tile.groups = static_cast<int>(padded) / 16;
  const Interval range{-reach - 10000, reach + 10000};
  const auto run = [&](const Tail& tail, TestMap& out) {
    out.mark();
    tile.operand = tail.operand_at(operand.view(), 0, 0), tile.operand_pixel = tail.operand_pixel(operand.view());
    tile.out = out.map().data, tile.out_pixel = out.map().pixel;
    tail(tile);
  };
  TestMap expected(layer.out_type, 1, pixels, layer.channels, 0, 0),
      got(layer.out_type, 1, pixels, layer.channels, 0, 0);
  run(*make_tail(layer, {&range, 1}, cpu::Isa::ref), expected);
  for (cpu::Isa isa : cpu::allowed()) {
    if (isa == cpu::Isa::ref) continue;
    const auto tail = make_tail(layer, {&range, 1}, isa);
    ++used[std::string(tail->name())];
    CHECK_EQ(tail->takes_two_pixels(), tail->name() == "loads" || tail->name() == "input_loads");
    run(*tail, got);
    CAPTURE(cpu::name_of(isa));
    CAPTURE(tail->name());
    REQUIRE_EQ(differences(expected, got), 0);
  }
}

void compare(const DpuLayer& layer, Random& random, double reach, std::map<std::string, int>& used) {
  compare(layer, random, accumulators(random, layer.channels, reach), reach, used);
}

/// Tables as compilers make them: a smooth function over the whole domain.
void smooth_table(DpuLayer& layer, double (*f)(double), double width) {
  layer.ew.emplace();
  layer.ew->lut = true;
  for (int i = 0; i <= 512; ++i) {
    layer.lut.le[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(std::lround(f((i - 512) / 512.0 * width)));
    layer.lut.lo[static_cast<std::size_t>(i)] = static_cast<std::int16_t>(std::lround(f(i / 512.0 * width)));
  }
}
double sigmoid(double x) { return 32767 / (1 + std::exp(-x)); }
double silu(double x) { return 32767 / 8.0 * x / (1 + std::exp(-x)); }
double hard_swish(double x) { return 32767 / 8.0 * x * std::clamp(x + 3, 0.0, 6.0) / 6; }
double mirror(double x) { return -32767 * std::tanh(x); }
double bell(double x) { return 32767 * std::exp(-x * x); }

/// A table behind BS and BN with few or many inputs, steep or flat ones, with slopes at its ends or without.
DpuLayer table_layer(Random& random, double (*f)(double), int channels, int index_shift) {
  DpuLayer layer;
  layer.channels = channels;
  smooth_table(layer, f, random.one_of({3.0, 8.0}));
  LutRange& r = layer.lut_range;
  r.le_index_shift = r.lo_index_shift = index_shift;
  r.le_start = -(512 << index_shift), r.lo_start = 0, r.lo_end = 512 << index_shift;
  if (random.chance(20))
    r.lo_end -= random(1, r.lo_end / 4);  // before the last entry, which is what inputs beyond give
  if (random.chance(50)) r.overflow_scale = 16384, r.overflow_shift = random(12, 14) + index_shift / 2;
  if (random.chance(20)) r.underflow_scale = 16384, r.underflow_shift = random(12, 14) + index_shift / 2;
  auto& bs = layer.bs.emplace();
  bs.alu = Alu::add, bs.mul = true, bs.shift = bs.shift_negative = 14;
  for (int c = 0; c < channels; ++c) {
    bs.alu_value.values.push_back(random(-1000, 1000));
    bs.mul_value.values.push_back(random.one_of({16384, 8192, random(5000, 32767)}));
  }
  if (random.chance(80)) {
    auto& bn = layer.bn.emplace();
    bn.mul = true, bn.mul_value.values = {random.one_of({16384, random(16384, 32767)})};
    bn.shift = bn.shift_negative = random(13, 19);
  }
  layer.out.scale = random(16384, 32767), layer.out.shift = random(21, random.chance(20) ? 26 : 23),
  layer.out.offset = random(-128, 0);
  return layer;
}

}  // namespace

TEST_CASE("every form of the tail equals the reference bit for bit") {
  std::map<std::string, int> used;
  for (int kind = 0; kind < static_cast<int>(TailKind::count); ++kind)
    for (unsigned i = 0; i < 150; ++i) {
      Random random(1000 * static_cast<unsigned>(kind) + i);
      const int channels = random.one_of({1, 5, 16, 17, 48, 64});
      const double reach = std::pow(10.0, random(2, 6));
      CAPTURE(kind);
      CAPTURE(i);
      compare(random_layer(random, static_cast<TailKind>(kind), channels, reach), random, reach, used);
    }
  for (const auto& [name, least] : {std::pair{"exact", 100},
                                    {"words", 20},
                                    {"words_held", 5},
                                    {"words_whole", 50},
                                    {"floors", cpu::allows(cpu::Isa::avx512) ? 50 : 0},
                                    {"affine", 10},
                                    {"bytes", 50}}) {
    CAPTURE(name);
    if (cpu::allowed().size() > 1) CHECK_GE(used[name], least);
  }
}

TEST_CASE("products next to and on ties, and sums far beyond what f32 holds exactly") {
  std::map<std::string, int> used;
  for (TailKind kind : {TailKind::requantise, TailKind::relu, TailKind::clip, TailKind::add_operand, TailKind::look_up})
    for (unsigned i = 0; i < 100; ++i) {
      Random random(i);
      const int channels = random.one_of({3, 16, 40});
      const double reach = std::pow(10.0, random(4, 8));
      DpuLayer layer = random_layer(random, kind, channels, reach);
      for (auto& m : layer.bs->mul_value.values)  // with 8192, every odd sum is a tie
        if (random.chance(50)) m = random.one_of({1, 2048, 4096, 8192, 12288, 16384});
      if (layer.bn && layer.bn->clamp.lo && random.chance(50)) layer.bn->clamp.lo = 3;  // not what padding holds
      CAPTURE(static_cast<int>(kind));
      CAPTURE(i);
      compare(layer, random, reach, used);
    }
  if (cpu::allowed().size() > 1) {
    for (const auto* name : {"fused", "words", "words_held", "words_whole", "narrow"}) CHECK_GT(used[name], 5);
    for (const auto* name : {"loads", "input_loads"}) CHECK_GT(used[name], 0);
  }
}

TEST_CASE("an int8 operand added: values next to ties, of tiles of any length, are found and done again") {
  std::map<std::string, int> used;
  for (unsigned i = 0; i < 200; ++i) {
    Random random(i);
    const int channels = random.one_of({7, 16, 48}), pixels = random.one_of({1, 63, 64, 65, 150});
    const double reach = std::pow(10.0, random(9, 13) / 2.0);
    DpuLayer layer = random_layer(random, TailKind::add_operand, channels, reach);
    layer.operand_type = DType::i8;
    std::vector<std::int32_t> values(static_cast<std::size_t>(pixels * padded_channels(channels)));
    const int base = random(-static_cast<int>(reach), static_cast<int>(reach)) / 4, step = random(1, 40);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = base + static_cast<int>(k % 2000) * step;
    CAPTURE(i);
    compare(layer, random, values, reach + 100000, used);
  }
  if (cpu::allowed().size() > 1) CHECK_GT(used["mended"], 50);
}

TEST_CASE("look-up tables of real activations, with and without slopes at their ends") {
  std::map<std::string, int> used;
  for (auto* f : {sigmoid, silu, hard_swish, mirror})
    for (unsigned i = 0; i < 250; ++i) {
      Random random(i);
      const int channels = random.one_of({1, 16, 33});
      const double reach = random.one_of({100000.0, 8000.0});  // small sums: BN scales up, roundings before it weigh
      DpuLayer layer = random_layer(random, TailKind::look_up, channels, reach);
      smooth_table(layer, f, 8);
      layer.out.scale = 16384, layer.out.shift = 21 - random(0, 2), layer.out.offset = random(-128, 0);
      if (random.chance(50)) layer.lut_range.overflow_scale = 16434, layer.lut_range.overflow_shift = 13;
      else layer.lut_range.overflow_scale = 0;
      CAPTURE(i);
      compare(layer, random, reach, used);
    }
  if (cpu::allows(cpu::Isa::avx512)) {
    CHECK_GT(used["steps"], 60);
    CHECK_GT(used["input_steps"], 10);
  }
}

TEST_CASE("every table size, number of places, direction and limit of look-ups by steps") {
  std::map<std::string, int> used;
  std::set<int> tables, most_places, mixed, places_of_one;
  int bent = 0, straight = 0;  // of one table
  for (auto* f : {sigmoid, silu, hard_swish, mirror, bell})
    for (unsigned i = 0; i < 240; ++i) {
      Random random(i);
      const int channels = random.one_of({1, 5, 8, 10, 16, 20});
      const DpuLayer layer = table_layer(random, f, channels, static_cast<int>(i % 7));
      const double reach = random.one_of({40000.0, 119000.0, 150000.0});  // times 16384: just within 32 bits, or not
      const Interval range{-reach - 10000, reach + 10000};
      if (const auto fused = plan_fused(layer, {&range, 1}))
        for (const int entries : {16, 256}) {
          const auto plan =
              plan_steps(layer, steps_of_inputs(layer, plan_bytes(layer)), *fused, entries, entries == 16 ? 160 : 0);
          if (!plan || plan->params.results) continue;
          const int places = plan->params.places;
          if (entries == 256) {
            ++(plan->params.stretch > 0 ? bent : straight), places_of_one.insert(places);
            continue;
          }
          tables.insert(plan->params.end[0]), most_places.insert(places);
          for (int n = places; n > 0; --n) mixed.insert(plan->params.end[n] < plan->params.end[n - 1] ? n - 1 : -1);
        }
      // Neighbours meet every place in their range; the others the ends of the table and of the accumulators.
      std::vector<std::int32_t> values(static_cast<std::size_t>(padded_channels(channels)) * 301);
      const auto far = static_cast<std::int32_t>(reach);
      if (random.chance(50))
        std::iota(values.begin(), values.end(), random(-far, far - static_cast<int>(values.size())));
      else
        for (auto& v : values)
          v = random.chance(3) ? (random.chance(50) ? far : -far) : random(-far, far) / random.one_of({1, 2, 8, 64});
      CAPTURE(i);
      compare(layer, random, values, reach, used);
    }
  if (cpu::allowed().size() > 1) {
    CHECK_GT(used["steps"], 50);
    CHECK_GT(used["input_steps"], 20);
    CHECK_GT(used["loads"], 20);  // a bell turns the other way
    CHECK_GT(used["input_loads"], 50);
    CHECK_GT(used["words_bytes"], 5);  // more positions than 16 bits hold
  }
  CHECK_GT(bent, 50);
  CHECK_GT(straight, 50);
  for (int n = 1; n <= 12; ++n) {
    CAPTURE(n);
    CHECK(tables.contains(n));
  }
  for (int n = 1; n <= SegmentTables::kMost; ++n) {
    CAPTURE(n);
    CHECK(most_places.contains(n));
    CHECK(places_of_one.contains(n));
    CHECK(mixed.contains(n - 1));  // tables of fewer places behind others
  }
}
