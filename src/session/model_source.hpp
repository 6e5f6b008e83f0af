#pragma once
/// The bytes of a model: a mapped file or the caller's memory.
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace ez_rknn {

class ModelSource {
 public:
  /// Maps the file. @throws NoSuchFile when it cannot be opened or is no regular file
  static ModelSource from_file(const std::string& path);
  /// Borrows the caller's bytes.
  static ModelSource from_memory(std::span<const std::byte> bytes) { return {"the model in memory", bytes, nullptr}; }

  /// One that needs nothing of the caller's any more: a mapped file as it is, memory copied.
  ModelSource owned() const;

  /// How messages call it: the path, or "the model in memory".
  const std::string& name() const { return name_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  /// Looks at size and magic, so that what is no .rknn file at all never reaches a runtime.
  /// @throws ModelError (too short, other magic, too large), Unsupported (RKNX, the format of RKNPU3)
  void check_header() const;

 private:
  ModelSource(std::string name, std::span<const std::byte> bytes, std::shared_ptr<void> mapping)
      : name_(std::move(name)), bytes_(bytes), mapping_(std::move(mapping)) {}
  std::string name_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<void> mapping_;
};

}  // namespace ez_rknn
