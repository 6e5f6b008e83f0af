#pragma once
/// Memory that starts on a cache line, zeroed.
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace ez_rknn {

/// The least multiple of `unit` that is no less than v; neither is negative.
template <class T>
constexpr T round_up(T v, T unit) {
  return (v + unit - 1) / unit * unit;
}
/// Bytes as whole cache lines.
constexpr std::size_t whole_lines(std::size_t bytes) { return round_up<std::size_t>(bytes, 64); }

/// The address sanitizer watches the ends of what comes from the heap, not those of pages.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kHeapOnly = true;
#elif defined(__has_feature)
constexpr bool kHeapOnly = __has_feature(address_sanitizer);
#else
constexpr bool kHeapOnly = false;
#endif

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes) : size_(bytes) {
    if (bytes == 0) return;
    const std::size_t rounded = whole_lines(bytes);
    if (rounded >= kOwnPages) {
      void* pages = mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (pages == MAP_FAILED) throw std::bad_alloc();
      data_ = std::unique_ptr<std::byte[], Free>(static_cast<std::byte*>(pages), Free{rounded});
      return;
    }
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded)));
    if (!data_) throw std::bad_alloc();
    std::memset(data_.get(), 0, rounded);
  }
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  /// From here on, pages of the system's: zero before anybody writes to them, and what is held for long (packed
  /// weights) leaves no holes behind it in the heap, where the much that loading a model takes for a moment comes from.
  static constexpr std::size_t kOwnPages = kHeapOnly ? SIZE_MAX : 128 << 10;

  struct Free {
    std::size_t pages;  ///< bytes of them; 0: of the heap
    void operator()(std::byte* p) const { pages ? static_cast<void>(munmap(p, pages)) : std::free(p); }
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

}  // namespace ez_rknn
