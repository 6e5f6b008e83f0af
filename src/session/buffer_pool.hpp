#pragma once
/// Buffers, reused while their owners come and go at a steady rate: a fresh megabyte costs more in page faults than the
/// copy into it.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "ez_rknn/tensor.hpp"

namespace ez_rknn {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  /// What all that is kept may take, whatever sizes are asked for: batches have any.
  static constexpr std::size_t kMostBytes = std::size_t{128} << 20;
  /// How many sizes are remembered.
  static constexpr std::size_t kMostSizes = 64;

  /// @param keep  how many free buffers of one size are kept for the next caller; of small ones 64
  explicit BufferPool(std::size_t keep) : keep_(keep) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// 64-byte aligned, uninitialised. The buffer outlives the pool if its owner does. @throws std::bad_alloc
  Buffer take(std::size_t bytes);
  /// Bytes that are kept for the next caller.
  std::size_t kept() const;

 private:
  struct Size {
    std::vector<std::byte*> free;
    std::uint64_t last_use = 0;
  };
  using Sizes = std::map<std::size_t, Size>;

  void give_back(std::byte* memory, std::size_t bytes) noexcept;
  std::size_t most(std::size_t bytes) const { return bytes <= 4096 && keep_ < 64 ? 64 : keep_; }
  void forget_oldest(Sizes::iterator but);

  const std::size_t keep_;
  mutable std::mutex mutex_;
  Sizes sizes_;
  std::size_t kept_ = 0;
  std::uint64_t uses_ = 0;
};

}  // namespace ez_rknn
