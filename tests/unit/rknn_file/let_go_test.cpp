// Pages of a mapped model file leave memory when their tensors have been repacked, and nothing else does.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "rknn_file/reader.hpp"

using namespace ez_rknn;

namespace {

constexpr std::size_t kBytes = 1 << 20;

struct TemporaryFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("ez_rknn_let_go_" + std::to_string(::getpid()));
  TemporaryFile() { std::ofstream(path, std::ios::binary) << std::string(kBytes, 'w'); }
  ~TemporaryFile() { std::filesystem::remove(path); }
};

/// KiB of the mapping at `p` that this process holds in memory.
long resident(const void* p) {
  std::ostringstream begin;
  begin << std::hex << reinterpret_cast<std::uintptr_t>(p) << '-';
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.rfind(begin.str(), 0) == 0) inside = true;
    if (inside && line.rfind("Rss:", 0) == 0) return std::stol(line.substr(4));
  }
  return -1;
}

bool all_w(std::span<const std::byte> data) {
  return std::all_of(data.begin(), data.end(), [](std::byte b) { return b == std::byte{'w'}; });
}

}  // namespace

TEST_CASE("pages of a mapped file leave memory and come back when they are read") {
  const TemporaryFile file;
  const auto bytes = file::map_file(file.path);
  CHECK(bytes.mapped);
  file::Graph graph;
  graph.mapped = bytes.data;
  REQUIRE(all_w(bytes.data));
  const long before = resident(bytes.data.data());
  REQUIRE_EQ(before, static_cast<long>(kBytes / 1024));
  file::let_go(graph, bytes.data.subspan(100, kBytes / 2));  // from within a page to within another
  CHECK_LE(resident(bytes.data.data()), before / 2 + 128);
  CHECK(all_w(bytes.data));
}

TEST_CASE("memory that is no mapped file keeps its contents") {
  const std::vector<std::byte> heap(kBytes, std::byte{'w'});
  file::Graph graph;
  file::let_go(graph, heap);  // such pages would come back as zeros
  CHECK(all_w(heap));
  const TemporaryFile file;
  const auto bytes = file::map_file(file.path);
  graph.mapped = bytes.data;
  file::let_go(graph, heap);
  CHECK(all_w(heap));
  CHECK_FALSE(file::copy_bytes(bytes.data).mapped);
}
