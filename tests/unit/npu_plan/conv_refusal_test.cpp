/// Layers that the compiler has spoiled, told by what the file holds.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>
#include <vector>

#include "ez_rknn/error.hpp"
#include "npu/plan/lookup.hpp"
#include "npu/plan/plan.hpp"
#include "npu/plan/tables.hpp"
#include "places.hpp"
#include "rknn_file/reader.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;

TEST_CASE("a 16-bit convolution whose biases were cut off at 32 bits is refused") {
  const file::Model model =
      file::read(file::map_file(std::filesystem::path(places::models) / "fixtures/int16_i16.rknn"));
  file::Graph graph = model.graphs[0];
  Team team(1);
  CHECK_NOTHROW(plan::build(*find_chip(model.target), graph, team));
  const auto conv = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                 [](const file::Node& n) { return n.type.starts_with("Conv"); });
  REQUIRE((conv != graph.nodes.end() && conv->inputs.size() >= 3));
  file::Tensor& biases = graph.tensors[std::size_t(conv->inputs[2])];
  std::vector<std::byte> bytes(biases.data.begin(), biases.data.end());
  const std::int32_t cut = std::numeric_limits<std::int32_t>::min();
  std::memcpy(bytes.data(), &cut, sizeof cut);
  biases.data = bytes;
  CHECK_THROWS_WITH_AS(plan::build(*find_chip(model.target), graph, team),
                       doctest::Contains("biases did not fit into 32 bits"), Unsupported);
}

// Max and InstanceNormalization computed with what was left of the number, silently.
TEST_CASE("a constant of a 16-bit network that was stored in 8 bits is refused") {
  const file::Model model =
      file::read(file::map_file(std::filesystem::path(places::models) / "fixtures/int16_rectifiers_i16.rknn"));
  file::Graph graph = model.graphs[0];
  Team team(1);
  CHECK_NOTHROW(plan::build(*find_chip(model.target), graph, team));
  const auto prelu = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [](const file::Node& n) { return n.type.starts_with("PRelu"); });
  REQUIRE((prelu != graph.nodes.end() && prelu->inputs.size() >= 2));
  file::Tensor& slope = graph.tensors[std::size_t(prelu->inputs[1])];
  slope.dtype = DType::i8, slope.quantised = true;
  CHECK_THROWS_WITH_AS(plan::build(*find_chip(model.target), graph, team), doctest::Contains("stored in 8 bits"),
                       Unsupported);
}

TEST_CASE("bfloat16: multipliers that stand in a table as float32 are read as such") {
  const Chip& chip = *find_chip("rk3588");
  file::Graph graph;
  std::vector<float> slopes(20);
  std::iota(slopes.begin(), slopes.end(), 0.25f);
  file::Tensor table;
  table.name = "slopes", table.kind = file::Kind::constant, table.dtype = DType::f32, table.shape = {20};
  table.data = std::as_bytes(std::span(slopes));
  graph.tensors = {table};
  const TableRef multipliers{{0, 0}, false, false, true};
  CHECK_EQ(plan::read_table(chip, graph, multipliers, 20, true, true).mul_real, slopes);
  CHECK_THROWS_AS(plan::read_table(chip, graph, multipliers, 21, true, true), ModelError);
}

TEST_CASE("a look-up without a table is computed when the node's type tells what it is, and else refused") {
  file::Node node;
  Arithmetic a;
  a.bn = Stage{.alu = Alu::add, .mul = true, .shift = 4, .shift_negative = 4};
  a.bn->mul_operand.value = 8, a.bn->alu_operand.value = 1000;
  a.ew = ElementWise{.lut = true};
  a.lut.lo_end = 16384;
  Lut none, some;
  some.lo.fill(1);

  node.type = "ConvExSwish";
  CHECK_FALSE(plan::lost_look_up(node, a, some));
  const auto meant = plan::lost_look_up(node, a, none);
  REQUIRE(meant);
  CHECK_EQ(meant->type, "exSwish");
  const Arithmetic before = plan::before_look_up(a, *meant);
  CHECK_FALSE(before.ew);
  CHECK_FALSE(before.bn);
  CHECK_EQ(before.out.float_scale, doctest::Approx(8 / 16.0 * 5.8 / 16384));

  // The slope of a HardSigmoid comes out of the scale in front of the table, which bfloat16 networks lack.
  node.type = "ConvHardSigmoid";
  CHECK_EQ(plan::lost_look_up(node, a, none)->type, "HardSigmoid");
  a.real = a.brain = true;
  CHECK_THROWS_WITH_AS(plan::lost_look_up(node, a, some), doctest::Contains("does not tell all"), Unsupported);
  a.real = a.brain = false;
  node.type = "ConvElu";
  CHECK_THROWS_WITH_AS(plan::lost_look_up(node, a, none), doctest::Contains("does not tell all"), Unsupported);

  Arithmetic other = a;
  other.bn->mul_operand.table = true;
  CHECK_THROWS_WITH_AS(plan::before_look_up(other, *meant), doctest::Contains("more than a scale"), Unsupported);
  other = a, other.ew->op = ElementWise::Op::add;
  CHECK_THROWS_WITH_AS(plan::before_look_up(other, *meant), doctest::Contains("behind a look-up"), Unsupported);
  other = a, other.lut.lo_end = 0;
  CHECK_THROWS_WITH_AS(plan::before_look_up(other, *meant), doctest::Contains("at or below 0"), Unsupported);
}
