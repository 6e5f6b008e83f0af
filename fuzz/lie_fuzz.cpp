/// Structure-aware: the input chooses a fixture (first byte) and what to change in its tensors, nodes, attributes,
/// registers and relocations after reading (the rest, as the numbers the Liar draws). Reaches what damage to bytes,
/// which the reader mostly refuses, does not.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "npu_plan/liar.hpp"
#include "rknn_file/reader.hpp"

namespace {

using namespace ez_rknn;

const std::vector<file::Model>& models() {
  static const auto all = [] {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(std::string(EZ_RKNN_MODELS_DIR) + "/fixtures"))
      if (entry.path().extension() == ".rknn") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<file::Model> read;
    for (const auto& path : paths) read.push_back(file::read(file::map_file(path)));
    return read;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const file::Model& model = models()[data[0] % models().size()];
  std::size_t at = 1;
  npu::test::Liar liar([&] {  // two bytes a number; zeros behind the end
    unsigned n = 0;
    for (int i = 0; i < 2; ++i) n = n << 8 | (at < size ? data[at++] : 0u);
    return n;
  });
  file::Graph graph = model.graphs[0];
  for (int lies = 0; lies < 8 && at < size; ++lies) liar.change(graph);
  try {
    npu::test::try_to_run(*npu::find_chip(model.target), graph);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "lie_fuzz: %s\n", e.what());
    std::abort();
  }
  return 0;
}
