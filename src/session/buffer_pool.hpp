#pragma once
/// Output buffers, reused while their owners come and go at a steady rate: a fresh megabyte costs more in page faults
/// than the copy into it.
#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "ez_rknn/tensor.hpp"

namespace ez_rknn {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  /// @param keep  how many free buffers of one size are kept for the next caller; of small ones 64
  explicit BufferPool(std::size_t keep) : keep_(keep) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// 64-byte aligned, uninitialised. The buffer outlives the pool if its owner does. @throws std::bad_alloc
  Buffer take(std::size_t bytes);

 private:
  void give_back(std::byte* memory, std::size_t bytes) noexcept;
  std::size_t most(std::size_t bytes) const { return bytes <= 4096 ? std::max<std::size_t>(keep_, 64) : keep_; }

  const std::size_t keep_;
  std::mutex mutex_;
  std::map<std::size_t, std::vector<std::byte*>> free_;
};

}  // namespace ez_rknn
