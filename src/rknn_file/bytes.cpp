/// Where the bytes of a file come from: a mapping, or a copy.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ez_rknn/error.hpp"
#include "rknn_file/reader.hpp"
#include "rknn_file/storage.hpp"

namespace ez_rknn::file {
namespace {

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

[[noreturn]] void refuse(const std::filesystem::path& path, const char* why) {
  throw NoSuchFile("cannot read model file \"" + path.string() + "\": " + why);
}

}  // namespace

Bytes map_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const Descriptor d{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat info{};
  if (d.fd < 0 || ::fstat(d.fd, &info) != 0) refuse(path, std::strerror(errno));
  if (S_ISDIR(info.st_mode)) refuse(path, std::strerror(EISDIR));
  if (!S_ISREG(info.st_mode)) refuse(path, "not a regular file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return {};  // cannot be mapped; read() says what is wrong with it
  void* p = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, d.fd, 0);
  if (p == MAP_FAILED) refuse(path, std::strerror(errno));
  std::shared_ptr<const void> owner(p, [size](const void* q) { ::munmap(const_cast<void*>(q), size); });
  return {std::move(owner), {static_cast<const std::byte*>(p), size}, true};
}

Bytes copy_bytes(std::span<const std::byte> data) {
  if (data.empty()) return {};
  auto block = aligned_block(data.size());
  std::memcpy(block.get(), data.data(), data.size());
  const std::span<const std::byte> copy(block.get(), data.size());
  return {std::shared_ptr<const std::byte[]>(std::move(block)), copy};
}

void let_go(const Graph& graph, std::span<const std::byte> data) {
  const auto address = [](const std::byte* p) { return reinterpret_cast<std::uintptr_t>(p); };
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto mapped = address(graph.mapped.data()), begin = address(data.data());
  if (begin < mapped || begin + data.size() > mapped + graph.mapped.size()) return;
  const std::uintptr_t first = (begin + page - 1) / page * page, end = (begin + data.size()) / page * page;
  // What the system makes of it changes no result: nothing to report.
  if (first < end) (void)::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace ez_rknn::file
