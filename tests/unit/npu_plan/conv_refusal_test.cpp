/// Layers that the compiler has spoiled, told by what the file holds.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <limits>

#include "ez_rknn/error.hpp"
#include "npu/plan/dpu.hpp"
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

TEST_CASE("bfloat16: multipliers written as f16 or float32 are refused, not read as what they are not") {
  const Chip& chip = *find_chip("rk3588");
  file::Graph graph;
  Arithmetic a;
  a.real = a.brain = true;
  a.bn = Stage{};
  a.bn->mul = a.bn->prelu = true;
  const auto with_slope = [&](float slope) {
    a.bn->mul_operand.real = slope;
    return plan::resolve(chip, graph, a, {}, 16, DType::bf16);
  };
  CHECK_EQ(with_slope(0.1f).bn->mul_real.values.at(0), 0.1f);
  CHECK_THROWS_WITH_AS(with_slope(5.23e-11f), doctest::Contains("stands there as f16"), Unsupported);  // f16 0.1
  const std::vector<float> slopes(16, 0.25f);
  file::Tensor table;
  table.name = "slopes", table.kind = file::Kind::constant, table.dtype = DType::f32, table.shape = {16};
  table.data = std::as_bytes(std::span(slopes));
  graph.tensors = {table};
  const TableRef multipliers{{0, 0}, false, false, true};
  CHECK_THROWS_WITH_AS(plan::read_table(chip, graph, multipliers, 16, true, true), doctest::Contains("as float32"),
                       Unsupported);
}
