#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "bench.hpp"
#include "cases.hpp"
#include "ez_rknn/error.hpp"

using namespace ops_test;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
const std::vector<double> kWild{kNaN, kInfinity, -kInfinity, 1e300, -1e300, 0.5, -1, 1e9, -9.3e18, 9.3e18, 7, 0};

std::vector<double> wild(std::int64_t n, unsigned shift = 0) {
  std::vector<double> v;
  for (std::int64_t i = 0; i < n; ++i) v.push_back(kWild[(static_cast<std::size_t>(i) + shift) % kWild.size()]);
  return v;
}

struct Bad {
  std::string type;
  std::vector<Dims> inputs;
  std::vector<std::vector<double>> constants;  ///< i64, after the inputs
  std::vector<Dims> outputs;
  file::Attributes attributes;
  bool unsupported;
  std::string says;
};

template <class V>
file::Attributes with(std::string name, V value) {
  file::Attributes a;
  a.values[std::move(name)] = std::move(value);
  return a;
}
using List = std::vector<std::int64_t>;
using Int = std::int64_t;
using Text = std::string;

std::vector<Bad> bad_nodes() {
  const Dims map{1, 4, 5, 6};
  return {
      {"Transpose", {map}, {}, {map}, with("perm", List{0, 1, 2}), false, "perm of 3"},
      {"Transpose", {map}, {}, {map}, with("perm", List{0, 1, 1, 3}), false, "names axis 1 2 times"},
      {"Transpose", {map}, {}, {map}, with("perm", List{0, 1, 2, 9}), false, "axis 9"},
      {"Transpose", {map}, {}, {map}, with("perm", List{3, 2, 1, 0}), false, "[6, 5, 4, 1]"},
      {"Reshape", {map}, {}, {{7, 7}}, {}, false, "another number of elements"},
      {"Reshape", {}, {}, {map}, {}, false, "has 0 inputs"},
      {"Slice", {map}, {{0}, {4}, {1}, {0}}, {map}, {}, false, "step of 0"},
      {"Slice", {map}, {{0}, {4}, {4}, {1}}, {map}, {}, false, "axis 4"},
      {"Slice", {map}, {{0, 1}, {4}, {1}, {1}}, {map}, {}, false, "different lengths"},
      {"Slice", {map}, {{0}, {3}, {1}, {1}}, {map}, {}, false, "[1, 3, 5, 6]"},
      {"Slice", {map, {1}, {1}}, {}, {map}, {}, true, "only a constant"},
      {"Concat", {map, {1, 4, 5, 7}}, {}, {{1, 8, 5, 6}}, with("axis", Int{1}), false, "[1, 4, 5, 7]"},
      {"Concat", {map, map}, {}, {{1, 9, 5, 6}}, with("axis", Int{1}), false, "joins 8"},
      {"Concat", {map, map}, {}, {{1, 8, 5, 6}}, with("axis", Int{4}), false, "axis 4"},
      {"Split", {map}, {{2, 3}}, {{1, 2, 5, 6}, {1, 2, 5, 6}}, with("axis", Int{1}), false, "split size 3"},
      {"Split", {map}, {}, {{1, 3, 5, 6}, {1, 3, 5, 6}}, with("axis", Int{1}), false, "more than there is"},
      {"Tile", {map}, {{1, 2}}, {map}, {}, false, "2 repeats"},
      {"Tile", {map}, {{1, 1, 1, Int{1} << 50}}, {map}, {}, false, "repeats an axis"},
      {"Expand", {map}, {}, {{1, 4, 5, 5}}, {}, false, "cannot expand"},
      {"Pad", {map}, {{0, 0, 0, 0}}, {map}, {}, false, "4 pads"},
      {"Pad", {map}, {{0, 0, 0, 0, 0, 0, 0, 1e18}}, {map}, {}, false, "pads by"},
      {"Pad", {map}, {{0, 0, 0, 0, 0, 0, 0, 1}}, {map}, {}, false, "[1, 4, 5, 7]"},
      {"Pad", {map}, {}, {map}, with("mode", Text("mirror")), true, "mirror"},
      {"DepthToSpace", {map}, {}, {map}, with("blocksize", Int{3}), false, "blocks of 3"},
      {"DepthToSpace", {map}, {}, {map}, with("blocksize", Int{0}), false, "blocksize 0"},
      {"SpaceToDepth", {map}, {}, {map}, with("blocksize", Int{1} << 40), false, "blocksize"},
      {"Add", {map, {1, 3, 5, 6}}, {}, {map}, {}, false, "cannot broadcast"},
      {"Add", {{1, 1, 5, 6}, {1, 1, 5, 1}}, {}, {map}, {}, false, "[1, 4, 5, 6]"},
      {"Relu", {map}, {}, {{1, 4, 5, 7}}, {}, false, "[1, 4, 5, 7]"},
      {"Where", {map, map}, {}, {map}, {}, false, "has 2 inputs"},
      {"Softmax", {map}, {}, {map}, with("axis", Int{-5}), false, "axis -5"},
      {"ReduceSum", {map}, {{1, 7}}, {map}, {}, false, "axis 7"},
      {"ReduceSum", {map}, {{1}}, {map}, {}, false, "[1, 1, 5, 6]"},
      {"ArgMax", {{0, 3}}, {}, {{1, 3}}, {}, false, "empty axis"},
      {"TopK", {map}, {{9}}, {map, map}, with("axis", Int{1}), false, "9 of 4"},
      {"Gather", {map}, {{0, 5}}, {{1, 4, 2, 6}}, with("axis", Int{2}), false, "index 5"},
      {"Gather", {map}, {{0, -6}}, {{1, 4, 2, 6}}, with("axis", Int{2}), false, "index -6"},
      {"GatherND", {map, {3, 5}}, {}, {{3}}, {}, false, "tuples of 5"},
      {"ScatterND", {map, {3, 2}, {3, 4}}, {}, {map}, {}, false, "expected [3, 5, 6]"},
      {"ScatterElements", {map, {1, 5, 5, 6}, map}, {}, {map}, {}, false, "indices of shape"},
      {"ScatterElements", {map, map, map}, {}, {map}, with("reduction", Text("xor")), true, "xor"},
      {"Resize", {map}, {}, {{1, 4, 5}}, {}, false, "another rank"},
      {"Resize", {map}, {}, {{1, 4, 9, 9}}, with("mode", Text("lanczos")), true, "lanczos"},
      {"Resize", {map}, {}, {{1, 4, 9, 9}}, with("coordinate_transformation_mode", Text("x")), true, "\"x\""},
      {"Resize", {{2, 2, 2, 2, 2}}, {}, {{3, 3, 3, 3, 3}}, with("mode", Text("cubic")), true, "over 5 axes"},
      {"GridSample", {map, {1, 3, 3, 3}}, {}, {{1, 4, 3, 3}}, {}, false, "grid of shape"},
      {"MaxPool", {map}, {}, {map}, with("kernel_shape", List{0, 1}), false, "kernel_shape 0"},
      {"MaxPool", {map}, {}, {map}, with("kernel_shape", List{1}), false, "1 kernel_shape"},
      {"MaxPool", {map}, {}, {{1, 4, 6, 6}}, with("kernel_shape", List{1, 1}), false, "outside the input"},
      {"AveragePool", {map}, {}, {map}, {}, false, "kernel_shape 0"},
      {"BatchNormalization", {map}, {{1}, {1}, {1}, {1}}, {map}, {}, false, "1 parameters for 4"},
      {"LRN", {map}, {}, {map}, with("size", Int{0}), false, "size 0"},
      {"exNorm", {map}, {{1, 2, 3}}, {map}, {}, false, "cannot broadcast"},
      {"exNorm", {map}, {}, {map}, with("mode", Text("batch")), true, "batch"},
      {"GroupNormalization", {map}, {{1, 1, 1, 1}, {1, 1, 1, 1}}, {map}, with("num_groups", Int{3}), false, "3 groups"},
      {"MatMul", {map, {1, 4, 5, 6}}, {}, {map}, {}, false, "multiplies"},
      {"exMatMul", {map, map}, {}, {map}, {}, false, "multiplies"},
      {"exSDPAttention", {{1, 4, 1, 3}, {1, 5, 1, 3}, {1, 4, 1, 3}}, {}, {{1, 4, 1, 3}}, {}, false, "[1, 5, 1, 3]"},
      {"LSTM", {{3, 1, 4}, {1, 8, 4}, {1, 8, 2}}, {}, {{3, 1, 1, 2}}, {}, true, "only a constant"},
      {"Cast", {map}, {}, {map}, with("to", Text("int8")), false, ""},
  };
}

}  // namespace

TEST_CASE("nodes that contradict themselves are refused with the reason") {
  for (const Bad& bad : bad_nodes()) {
    CAPTURE(bad.type);
    CAPTURE(bad.says);
    Bench bench(bad.type);
    bench.attributes() = bad.attributes;
    for (const Dims& d : bad.inputs) bench.input(DType::f32, d);
    for (const auto& c : bad.constants) bench.constant(DType::i64, {static_cast<std::int64_t>(c.size())}, c);
    for (const Dims& d : bad.outputs) bench.output(DType::f32, d);
    std::string text;
    Code code = Code::fail;
    try {
      bench.prepare();
    } catch (const Error& e) { text = e.what(), code = e.code; }
    CHECK_EQ(static_cast<int>(code), static_cast<int>(bad.unsupported ? Code::unsupported : Code::invalid_model));
    CHECK_MESSAGE(text.find(bad.says) != std::string::npos, text);
  }
}

TEST_CASE("impossible shapes and types are refused") {
  for (const Dims& shape : {Dims{-1, 4}, Dims{Int{1} << 40}, Dims{1 << 20, 1 << 20}}) {
    Bench bench("Relu");
    bench.packed(shape, DType::f32, {}).kind = file::Kind::internal;
    bench.output(DType::f32, {4});
    CHECK_THROWS_AS(bench.prepare(), ModelError);
  }
  Bench four_bits("Relu");
  four_bits.input(DType::i4, {4}), four_bits.output(DType::i8, {4});
  CHECK_THROWS_AS(four_bits.prepare(), Unsupported);
  Bench no_data("Relu");  // a constant whose weights were removed from the file
  no_data.packed({4}, DType::f32, {}), no_data.output(DType::f32, {4});
  CHECK_THROWS_AS(no_data.prepare(), ModelError);
}

TEST_CASE("indices of a run stay inside the data whatever their values are") {
  for (DType type : {DType::i64, DType::i32, DType::f32, DType::i8}) {
    CAPTURE(std::string(name_of(type)));
    const Quant quant = type == DType::i8 ? Quant{1e9f, 3} : Quant{};
    const auto run = [&](const char* op, Dims data, Dims index, std::vector<Dims> more, Dims out,
                         file::Attributes attributes = {}) {
      CAPTURE(op);
      Bench bench(op);
      bench.attributes() = std::move(attributes);
      bench.input(DType::i8, data).put(std::vector<double>(static_cast<std::size_t>(data.elements()), 1));
      bench.input(type, index, quant).put(wild(index.elements()));
      for (const Dims& d : more) bench.input(DType::i8, d).put(wild(d.elements()));
      Memory& result = bench.output(DType::i8, out);
      REQUIRE_NOTHROW(bench.run());
      CHECK(result.surroundings_intact());
    };
    run("Gather", {5, 3}, {12}, {}, {12, 3});
    run("GatherElements", {4, 3}, {4, 3}, {}, {4, 3});
    run("GatherND", {3, 4, 2}, {6, 2}, {}, {6, 2});
    run("ScatterElements", {4, 3}, {4, 3}, {{4, 3}}, {4, 3}, with("axis", Int{1}));
    run("ScatterElements", {4, 3}, {4, 3}, {{4, 3}}, {4, 3}, with("reduction", Text("mul")));
    run("ScatterND", {4, 3}, {6, 2}, {{6}}, {4, 3});
  }
  Bench gather("Gather");  // clamped to the nearest element, negative ones counting from the end
  gather.input(DType::f32, {3}).put({10, 20, 30});
  gather.input(DType::i64, {6}).put({-1, -3, -4, 3, 1e18, -9.3e18});
  Memory& out = gather.output(DType::f32, {6});
  gather.run();
  CHECK_EQ(out.get(), std::vector<double>{30, 10, 10, 30, 30, 10});
}

TEST_CASE("a Slice that strides beyond the end takes one element") {
  for (double step : {9.2e18, -9.2e18, 100.0}) {
    Bench bench("Slice");
    bench.input(DType::f32, {4, 3}, {}, Layout::channels_last).put({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    bench.constant(DType::i64, {1}, {1}), bench.constant(DType::i64, {1}, {step < 0 ? -9e18 : 9e18});
    bench.constant(DType::i64, {1}, {0}), bench.constant(DType::i64, {1}, {step});
    Memory& out = bench.output(DType::f32, {1, 3});
    bench.run();
    CHECK_EQ(out.get(), std::vector<double>{3, 4, 5});
  }
}

TEST_CASE("GridSample and OneHot survive wild numbers") {
  for (const char* mode : {"nearest", "bilinear", "bicubic"})
    for (const char* padding : {"zeros", "border", "reflection"})
      for (Int align : {0, 1})
        for (Dims image : {Dims{1, 2, 3, 4}, Dims{1, 2, 1, 1}}) {
          Bench bench("GridSample");
          bench.attributes().values = {{"mode", Text(mode)}, {"padding_mode", Text(padding)}, {"align_corners", align}};
          bench.input(DType::f32, image).put(wild(image.elements(), 3));
          bench.input(DType::f32, {1, 5, 7, 2}).put(wild(70));
          Memory& out = bench.output(DType::i8, {1, 2, 5, 7}, {0.1f, 0});
          REQUIRE_NOTHROW(bench.run());
          CHECK(out.surroundings_intact());
        }
  Bench bench("OneHot");
  bench.input(DType::f32, {12}).put(wild(12));
  bench.constant(DType::i64, {1}, {4});
  bench.input(DType::f32, {2}).put({0, 1});
  Memory& out = bench.output(DType::f32, {12, 4});
  REQUIRE_NOTHROW(bench.run());
  CHECK(out.surroundings_intact());
}

namespace {

/// One random change to a case: what a damaged or malicious file would do.
void damage(Case& c, std::mt19937& random) {
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % std::max<std::size_t>(n, 1)); };
  const std::vector<Int> numbers{-1, 0, 1, 2, 3, 5, 17, -2, 100, Int{1} << 31, INT64_MAX, INT64_MIN};
  const auto number = [&] { return numbers[pick(numbers.size())]; };
  const auto redimension = [&](Numbers& n) {
    if (n.kind == Kind::absent) return;
    Dims shape = n.shape;
    if (shape.rank() > 0 && random() % 3) shape[static_cast<int>(pick(std::size_t(shape.rank())))] = Int(random() % 7);
    else if (shape.rank() < 6) shape.push_back(Int(random() % 4));
    n.shape = shape;
    n.values.resize(static_cast<std::size_t>(shape.elements()), 1);
  };
  switch (random() % 7) {
    case 0: return redimension(c.inputs[pick(c.inputs.size())]);
    case 1: return redimension(c.outputs[pick(c.outputs.size())]);
    case 2: {
      Numbers& n = c.inputs[pick(c.inputs.size())];
      if (!n.values.empty())
        n.values[pick(n.values.size())] = random() % 2 ? static_cast<double>(number()) : kWild[pick(12)];
      return;
    }
    case 3: c.inputs[pick(c.inputs.size())].constant ^= true; return;
    case 4:
      if (random() % 2) c.inputs.pop_back();
      else c.inputs.push_back(c.inputs[pick(c.inputs.size())]);
      return;
    default: break;
  }
  if (c.attributes.values.empty()) return;
  auto it = c.attributes.values.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(pick(c.attributes.values.size())));
  if (auto* i = std::get_if<Int>(&it->second)) *i = number();
  else if (auto* list = std::get_if<List>(&it->second)) {
    if (!list->empty() && random() % 4) (*list)[pick(list->size())] = number();
    else list->push_back(number());
  } else if (auto* real = std::get_if<double>(&it->second)) *real = kWild[pick(12)];
  else it->second = Int{1};
}

}  // namespace

TEST_CASE("damaged nodes are refused or run inside their memory") {
  std::mt19937 random(11);
  int refused = 0, ran = 0;
  for (const Case& original : read_cases())
    for (int round = 0; round < 30; ++round) {
      Case c = original;
      for (unsigned changes = 1 + random() % 2; changes > 0 && !c.inputs.empty(); --changes) damage(c, random);
      const DType type = random() % 2 ? DType::f32 : DType::i8;
      const Layout layout = random() % 2 ? Layout::dense : Layout::channels_last;
      CAPTURE(c.name);
      Bench bench(c.type);
      bench.attributes() = c.attributes;
      std::vector<Memory*> outputs;
      for (const Numbers& n : c.inputs) {
        const DType stored = n.kind == Kind::integer ? DType::i64 : n.kind == Kind::boolean ? DType::boolean : type;
        const Quant quant = stored == DType::i8 ? Quant{0.03f, 4} : Quant{};
        if (n.kind == Kind::absent) bench.no_input();
        else if (n.constant) bench.constant(stored, n.shape, n.values, quant);
        else bench.input(stored, n.shape, quant, layout).put(n.values);
      }
      for (const Numbers& n : c.outputs)
        if (n.kind == Kind::absent) bench.no_output();
        else outputs.push_back(&bench.output(type, n.shape, type == DType::i8 ? Quant{0.05f, -3} : Quant{}, layout));
      try {
        bench.prepare();
      } catch (const Error&) {
        ++refused;
        continue;
      }
      REQUIRE_NOTHROW(bench.run());
      for (const Memory* m : outputs) REQUIRE(m->surroundings_intact());
      ++ran;
    }
  CHECK_GT(refused, 1000);
  CHECK_GT(ran, 1000);
}
