#pragma once
/// rknn_tensor_mem objects: memory that the caller and the software NPU share. Theirs is plain memory of the process;
/// what the NPU's memory has beyond that (physical addresses, cache maintenance) does not exist here.
#include <cstdint>
#include <memory>

#include "abi/rknn.h"

namespace ez_rknn::npurt {

class Memory {
 public:
  /// New and zeroed, in a file of its own (memfd) so that it can be shared by its descriptor.
  static std::shared_ptr<Memory> allocate(std::uint64_t bytes);
  /// Memory behind `fd`, of which `bytes` from `offset` on are used. `mapped` is the caller's mapping, or null to have
  /// one made. The descriptor stays the caller's.
  static std::shared_ptr<Memory> from_fd(std::int32_t fd, void* mapped, std::uint32_t bytes, std::int32_t offset);

  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  /// The struct given to the caller, who may write to it: what is used of it is checked against what was created.
  rknn_tensor_mem* handle() { return &given_; }
  /// First usable byte and how many there are.
  std::byte* data() const { return data_; }
  std::uint64_t size() const { return size_; }
  bool needs_context = true;  ///< to be freed with; else any number will do

 private:
  Memory() = default;
  void set(void* base, std::int32_t offset, std::uint64_t bytes, std::int32_t fd, rknn_tensor_mem_flags flags);

  rknn_tensor_mem given_{};
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
  void* mapping_ = nullptr;  // ours to unmap
  std::size_t mapping_bytes_ = 0;
  int own_fd_ = -1;  // ours to close
};

/// All that exist. find() gives null for a pointer that is none of them.
rknn_tensor_mem* keep(std::shared_ptr<Memory> memory);
std::shared_ptr<Memory> find_memory(const rknn_tensor_mem* handle);
std::shared_ptr<Memory> remove_memory(const rknn_tensor_mem* handle);
/// As find_memory. @throws Refusal (RKNN_ERR_PARAM_INVALID) when it is null or not one of ours
std::shared_ptr<Memory> memory_of(const rknn_tensor_mem* handle);

}  // namespace ez_rknn::npurt
