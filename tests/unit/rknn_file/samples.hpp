#pragma once
/// The .rknn files of models/, and small helpers to read them in tests.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "places.hpp"
#include "rknn_file/reader.hpp"

namespace ez_rknn::test {

using FileBytes = std::vector<std::byte>;

inline std::vector<std::filesystem::path> sample_models() {
  std::vector<std::filesystem::path> paths;
  for (const auto& e : std::filesystem::recursive_directory_iterator(places::models))
    if (e.path().extension() == ".rknn") paths.push_back(e.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline std::filesystem::path sample(const char* name) { return std::filesystem::path(places::models) / name; }

inline FileBytes load(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> chars((std::istreambuf_iterator<char>(in)), {});
  const auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

/// The model keeps a copy of the bytes.
inline file::Model read(const FileBytes& bytes) { return file::read(file::copy_bytes(bytes)); }

inline const file::Tensor* find_tensor(const file::Graph& g, std::string_view name) {
  for (const auto& t : g.tensors)
    if (t.name == name) return &t;
  return nullptr;
}

}  // namespace ez_rknn::test
