#include "session/device_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>

#include "core/memory_file.hpp"
#include "ez_rknn/error.hpp"
#include "session/dma_heap.hpp"

namespace ez_rknn {
namespace {

/// Behind a descriptor of our own.
class DescriptorMemory final : public DeviceMemory {
 public:
  /// Takes the descriptor over. @param mapping  the caller's, of the first byte; null: made here
  DescriptorMemory(int fd, std::uint64_t bytes, std::uint64_t offset, void* mapping) {
    fd_ = fd;
    bytes_ = bytes;
    offset_ = offset;
    base_ = mapping;
    is_dmabuf_ = sync_dma_buf_to_device(fd);
    if (mapping) return;
    mapped_ = offset + bytes;
    base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base_ != MAP_FAILED) return;
    const std::string reason = std::strerror(errno);
    close(fd);
    throw InvalidArgument("descriptor " + std::to_string(fd) + " cannot be mapped for reading and writing: " + reason);
  }
  ~DescriptorMemory() override {
    if (mapped_) munmap(base_, mapped_);
    close(fd_);
  }
  void sync(rknn_mem_sync_mode mode) override {
    if (!is_dmabuf_) return;  // plain shared memory: nothing but CPUs reads it
    if (mode & RKNN_MEMORY_SYNC_TO_DEVICE) sync_dma_buf_to_device(fd_);
    if (mode & RKNN_MEMORY_SYNC_FROM_DEVICE) sync_dma_buf_from_device(fd_);
  }

 private:
  std::size_t mapped_ = 0;  ///< ours to unmap
};

/// Memory of the runtime's, which lives in one of its contexts.
class RuntimeMemory final : public DeviceMemory {
 public:
  RuntimeMemory(std::shared_ptr<Context> context, std::uint64_t bytes, MemoryFlags flags)
      : context_(std::move(context)), memory_(context_->create_memory(bytes, static_cast<std::uint64_t>(flags))) {
    base_ = memory_->virt_addr;
    offset_ = static_cast<std::uint64_t>(memory_->offset);
    bytes_ = bytes;
    fd_ = memory_->fd > 0 ? memory_->fd : -1;
    std::memset(data(), 0, bytes);
  }
  ~RuntimeMemory() override { context_->destroy_memory(memory_); }
  void sync(rknn_mem_sync_mode mode) override { context_->sync_memory(memory_, mode); }

 private:
  std::shared_ptr<Context> context_;
  rknn_tensor_mem* memory_;
};

int shared_memory(std::uint64_t bytes) {
  const int fd = memory_file();
  if (fd < 0) throw std::bad_alloc();
  if (ftruncate(fd, static_cast<off_t>(bytes)) == 0) return fd;
  close(fd);
  throw std::bad_alloc();
}

}  // namespace

std::shared_ptr<DeviceMemory> DeviceMemory::allocate(std::uint64_t bytes, MemoryFlags flags,
                                                     std::shared_ptr<Context> context) {
  if (bytes == 0) bytes = 1;
  if (bytes > UINT32_MAX)
    throw InvalidArgument(std::to_string(bytes) + " bytes of device memory; less than 2^32 are accepted");
  // SRAM is the runtime's to give.
  const bool heap = !(context && flags == MemoryFlags::try_sram);
  if (const int fd = heap ? allocate_dma_buf(bytes, flags == MemoryFlags::non_cacheable) : -1; fd >= 0)
    return std::make_shared<DescriptorMemory>(fd, bytes, 0, nullptr);
  if (context) return std::make_shared<RuntimeMemory>(std::move(context), bytes, flags);
  return std::make_shared<DescriptorMemory>(shared_memory(bytes), bytes, 0, nullptr);
}

std::shared_ptr<DeviceMemory> DeviceMemory::import(const ForeignMemory& foreign) {
  const int fd = foreign.fd < 0 ? -1 : fcntl(foreign.fd, F_DUPFD_CLOEXEC, 3);
  if (fd < 0)
    throw InvalidArgument("descriptor " + std::to_string(foreign.fd) + ": " +
                          (foreign.fd < 0 ? "negative" : std::strerror(errno)));
  const std::uint64_t extent = extent_of(fd);
  const auto refuse = [&](const std::string& why) {
    close(fd);
    throw InvalidArgument("descriptor " + std::to_string(foreign.fd) + ": " + why);
  };
  std::uint64_t bytes = foreign.bytes;
  if (bytes == 0 && extent > foreign.offset) bytes = extent - foreign.offset;
  if (bytes == 0 || bytes > UINT32_MAX || foreign.offset > INT32_MAX)
    refuse(std::to_string(bytes) + " bytes from offset " + std::to_string(foreign.offset) +
           "; accepted: 1 to 2^32 - 1 bytes, an offset below 2^31");
  // Pages beyond the end of the file would be a bus error later. Only a mapping of the caller's may be believed.
  if (extent < foreign.offset + bytes && !(foreign.mapping && extent == 0))
    refuse("it holds " + std::to_string(extent) + " bytes, " + std::to_string(bytes) + " from offset " +
           std::to_string(foreign.offset) + " are asked for");
  return std::make_shared<DescriptorMemory>(fd, bytes, foreign.offset, foreign.mapping);
}

}  // namespace ez_rknn
