#include "session/model_source.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "ez_rknn/error.hpp"

namespace ez_rknn {
namespace {

struct File {
  int fd;
  ~File() {
    if (fd >= 0) close(fd);
  }
};

std::string reason() { return std::strerror(errno); }

}  // namespace

ModelSource ModelSource::from_file(const std::string& path) {
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};  // opening a FIFO must not wait
  struct stat status{};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) throw NoSuchFile(path + ": " + reason());
  if (!S_ISREG(status.st_mode))
    throw NoSuchFile(path + ": " + (S_ISDIR(status.st_mode) ? "a directory" : "not a regular file") +
                     "; accepted: a .rknn file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return {path, {}, nullptr};
  // Private and writable: a runtime that patches the model in place changes its own copy of the page.
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) throw NoSuchFile(path + ": cannot be mapped: " + reason());
  std::shared_ptr<void> mapping(data, [size](void* p) { munmap(p, size); });
  return {path, {static_cast<const std::byte*>(data), size}, std::move(mapping)};
}

ModelSource ModelSource::owned() const {
  if (mapping_) return *this;
  auto copy = std::make_shared<std::vector<std::byte>>(bytes_.begin(), bytes_.end());
  const std::span<const std::byte> bytes = *copy;
  return {name_, bytes, std::move(copy)};
}

void ModelSource::check_header() const {
  constexpr std::size_t kHeader = 24;  // magic, version, size; newer versions have 64
  if (bytes_.size() < 4) throw ModelError(name_ + ": " + std::to_string(bytes_.size()) + " bytes are no .rknn model");
  char magic[5] = {};
  std::memcpy(magic, bytes_.data(), 4);
  if (std::strcmp(magic, "RKNX") == 0)
    throw Unsupported(name_ + ": the format RKNX (RKNPU3) is not supported yet; accepted: RKNN models for RKNPU2");
  if (std::strcmp(magic, "RKNN") != 0) {
    char hex[16];
    std::snprintf(hex, sizeof hex, "%02x %02x %02x %02x", static_cast<unsigned char>(magic[0]),
                  static_cast<unsigned char>(magic[1]), static_cast<unsigned char>(magic[2]),
                  static_cast<unsigned char>(magic[3]));
    throw ModelError(name_ + ": not a .rknn model: it begins with " + hex + ", accepted: 52 4b 4e 4e (\"RKNN\")");
  }
  if (bytes_.size() < kHeader)
    throw ModelError(name_ + ": " + std::to_string(bytes_.size()) + " bytes, cut off inside the header");
  if (bytes_.size() > UINT32_MAX)
    throw ModelError(name_ + ": " + std::to_string(bytes_.size()) + " bytes, a model has less than 4 GiB");
}

}  // namespace ez_rknn
