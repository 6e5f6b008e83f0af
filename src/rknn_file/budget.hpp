#pragma once
/// What a file may make the reader allocate and copy. FlatBuffers let many offsets point at one place, so a small file
/// can describe far more data than it holds; everything copied out of the file is charged here.
#include <cstdint>
#include <string>

#include "ez_rknn/error.hpp"

namespace ez_rknn::file {

class Budget {
 public:
  /// Files of the toolkit stay below twice their size; a compressed weight may grow more.
  static constexpr std::uint64_t kTimesFile = 48;
  static constexpr std::uint64_t kConstant = std::uint64_t{1} << 20;

  explicit Budget(std::uint64_t file_bytes) : left_(file_bytes * kTimesFile + kConstant) {}

  /// @param at  byte of the file that asks for it
  void charge(std::uint64_t bytes, const char* what, std::uint64_t at) {
    if (bytes > left_)
      throw ModelError(at, std::string(what) + ": the file describes more than " + std::to_string(kTimesFile) +
                               " times the data it holds");
    left_ -= bytes;
  }

 private:
  std::uint64_t left_;
};

}  // namespace ez_rknn::file
