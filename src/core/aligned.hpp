#pragma once
/// Memory that starts on a cache line, zeroed.
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace ez_rknn {

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes) : size_(bytes) {
    if (bytes == 0) return;
    const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    // Pages fresh from the system are zero, which only calloc knows; weights are mostly such.
    block_.reset(std::calloc(rounded + kAlignment, 1));
    if (!block_) throw std::bad_alloc();
    void* place = block_.get();
    std::size_t room = rounded + kAlignment;
    data_ = static_cast<std::byte*>(std::align(kAlignment, rounded, place, room));
  }
  AlignedBuffer(AlignedBuffer&& other) noexcept { *this = std::move(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    block_ = std::move(other.block_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> block_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ez_rknn
