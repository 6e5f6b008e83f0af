/// Sound models with a few lies in them; see liar.hpp. EZ_RKNN_MUTANTS sets how many of every fixture.
#include "liar.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "places.hpp"
#include "rknn_file/reader.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;

TEST_CASE("a model with a few lies is refused or runs within its memory") {
  const char* wish = std::getenv("EZ_RKNN_MUTANTS");
  const int mutants = wish && *wish ? std::atoi(wish) : 12;
  int ran = 0, refused = 0;
  unsigned seed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(places::models) + "/fixtures")) {
    if (entry.path().extension() != ".rknn") continue;
    const file::Model model = file::read(file::map_file(entry.path()));
    const Chip* chip = find_chip(model.target);
    REQUIRE(chip);
    for (int i = 0; i < mutants; ++i) {
      test::Liar liar(std::mt19937(++seed));
      file::Graph graph = model.graphs[0];
      for (int lies = 1 + i % 3; lies > 0; --lies) liar.change(graph);
      CAPTURE(entry.path().filename().string());
      CAPTURE(seed);
      test::try_to_run(*chip, graph) ? ++ran : ++refused;
    }
  }
  CHECK_GT(ran, 20);
  CHECK_GT(refused, 20);
  MESSAGE(ran << " ran, " << refused << " refused");
}
