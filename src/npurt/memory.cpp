#include "npurt/memory.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>

#include "core/global_mutex.hpp"
#include "core/memory_file.hpp"
#include "npurt/guard.hpp"

namespace ez_rknn::npurt {
namespace {

struct All {
  GlobalMutex mutex;
  std::map<const rknn_tensor_mem*, std::shared_ptr<Memory>> live;
};

All& all() {
  static All* a = new All;  // never destroyed: callers may free memory while the process ends
  return *a;
}

/// Bytes a descriptor can be mapped for; 0 when it does not say.
std::uint64_t extent_of(int fd) {
  struct stat s{};
  if (fstat(fd, &s) != 0)
    refuse(RKNN_ERR_PARAM_INVALID, "descriptor " + std::to_string(fd) + ": " + std::strerror(errno));
  if (s.st_size > 0) return static_cast<std::uint64_t>(s.st_size);
  const off_t end = lseek(fd, 0, SEEK_END);  // a dma-buf answers this and nothing else
  if (end > 0) lseek(fd, 0, SEEK_SET);
  return end > 0 ? static_cast<std::uint64_t>(end) : 0;
}

}  // namespace

std::shared_ptr<Memory> Memory::allocate(std::uint64_t bytes) {
  if (bytes == 0) refuse(RKNN_ERR_PARAM_INVALID, "0 bytes of memory");
  if (bytes >> 32)
    refuse(RKNN_ERR_PARAM_INVALID, std::to_string(bytes) + " bytes of memory; less than 2^32 are accepted");
  std::shared_ptr<Memory> memory(new Memory);
  const int fd = memory_file();
  const bool shared = fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) == 0;
  if (fd >= 0 && !shared) close(fd);
  memory->own_fd_ = shared ? fd : -1;  // out of descriptors: memory without one
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
                    memory->own_fd_, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  memory->mapping_ = base;
  memory->mapping_bytes_ = bytes;
  memory->set(base, 0, bytes, memory->own_fd_, RKNN_TENSOR_MEMORY_FLAGS_ALLOC_INSIDE);
  return memory;
}

std::shared_ptr<Memory> Memory::from_fd(std::int32_t fd, void* mapped, std::uint32_t bytes, std::int32_t offset) {
  if (bytes == 0 || offset < 0)
    refuse(RKNN_ERR_PARAM_INVALID, std::to_string(bytes) + " bytes from offset " + std::to_string(offset));
  const std::uint64_t end = std::uint64_t{bytes} + static_cast<std::uint64_t>(offset);
  std::shared_ptr<Memory> memory(new Memory);
  if (!mapped && fd < 0) refuse(RKNN_ERR_PARAM_INVALID, "neither a descriptor nor an address");
  // Touching pages beyond the end of the file would be a SIGBUS later. Descriptors that do not tell their size (some
  // media memory) are believed when the caller has mapped them.
  const std::uint64_t extent = fd < 0 ? 0 : extent_of(fd);
  if (fd >= 0 && extent < end && !(mapped && extent == 0))
    refuse(RKNN_ERR_PARAM_INVALID, "descriptor " + std::to_string(fd) + " holds " + std::to_string(extent) +
                                       " bytes, " + std::to_string(end) + " are asked for");
  if (!mapped) {
    mapped = mmap(nullptr, end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
      refuse(RKNN_ERR_FAIL, "descriptor " + std::to_string(fd) + " cannot be mapped: " + std::strerror(errno));
    memory->mapping_ = mapped;
    memory->mapping_bytes_ = end;
  }
  memory->set(mapped, offset, bytes, fd, RKNN_TENSOR_MEMORY_FLAGS_FROM_FD);
  return memory;
}

void Memory::set(void* base, std::int32_t offset, std::uint64_t bytes, std::int32_t fd, rknn_tensor_mem_flags flags) {
  data_ = static_cast<std::byte*>(base) + offset;
  size_ = bytes;
  given_.virt_addr = base;
  given_.fd = fd;
  given_.offset = offset;
  given_.size = static_cast<std::uint32_t>(bytes);
  given_.flags = flags;
  given_.priv_data = this;
}

Memory::~Memory() {
  if (mapping_) munmap(mapping_, mapping_bytes_);
  if (own_fd_ >= 0) close(own_fd_);
}

rknn_tensor_mem* keep(std::shared_ptr<Memory> memory) {
  rknn_tensor_mem* handle = memory->handle();
  std::lock_guard lock(all().mutex);
  all().live.emplace(handle, std::move(memory));
  return handle;
}

std::shared_ptr<Memory> find_memory(const rknn_tensor_mem* handle) {
  std::lock_guard lock(all().mutex);
  const auto it = all().live.find(handle);
  return it == all().live.end() ? nullptr : it->second;
}

std::shared_ptr<Memory> remove_memory(const rknn_tensor_mem* handle) {
  std::lock_guard lock(all().mutex);
  const auto it = all().live.find(handle);
  if (it == all().live.end()) return nullptr;
  auto memory = std::move(it->second);
  all().live.erase(it);
  return memory;
}

std::shared_ptr<Memory> memory_of(const rknn_tensor_mem* handle) {
  require_pointer(handle, "the memory");
  auto memory = find_memory(handle);
  if (!memory) refuse(RKNN_ERR_PARAM_INVALID, "the memory was not created here, or is destroyed already");
  return memory;
}

}  // namespace ez_rknn::npurt
