#pragma once
/// Memory that the NPU reads and writes, mapped for the CPU, with a descriptor by which other contexts import it.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ez_rknn/value.hpp"
#include "session/context.hpp"

namespace ez_rknn {

class DeviceMemory {
 public:
  /// Zeroed. A dma-buf where the machine has a heap for it, else memory of the runtime's.
  /// @param context  whose runtime is asked; null: shared memory of the process instead
  /// @throws DeviceError, std::bad_alloc
  static std::shared_ptr<DeviceMemory> allocate(std::uint64_t bytes, MemoryFlags flags,
                                                std::shared_ptr<Context> context);
  /// @throws InvalidArgument: no descriptor, one that cannot be mapped, or a file that ends before the memory does
  static std::shared_ptr<DeviceMemory> import(const ForeignMemory& foreign);
  virtual ~DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  /// First usable byte; how many there are.
  std::byte* data() const { return static_cast<std::byte*>(base_) + offset_; }
  std::uint64_t bytes() const { return bytes_; }
  /// What rknn_create_mem_from_fd takes. fd is -1 where the memory cannot be shared.
  void* base() const { return base_; }
  int fd() const { return fd_; }
  std::uint64_t offset() const { return offset_; }
  bool is_dmabuf() const { return is_dmabuf_; }

  /// @throws DeviceError
  virtual void sync(rknn_mem_sync_mode mode) = 0;
  std::atomic<int> imports{0};  ///< contexts that have it now

 protected:
  DeviceMemory() = default;
  void* base_ = nullptr;
  std::uint64_t bytes_ = 0, offset_ = 0;
  int fd_ = -1;
  bool is_dmabuf_ = false;
};

}  // namespace ez_rknn
