#include "session/buffer_pool.hpp"

#include <new>

namespace ez_rknn {
namespace {

constexpr std::align_val_t kAlignment{64};

std::byte* allocate(std::size_t bytes) { return static_cast<std::byte*>(::operator new(bytes, kAlignment)); }
void release(std::byte* memory) { ::operator delete(memory, kAlignment); }

}  // namespace

BufferPool::~BufferPool() {
  for (auto& [bytes, size] : sizes_)
    for (std::byte* memory : size.free) release(memory);
}

Buffer BufferPool::take(std::size_t bytes) {
  std::byte* memory = nullptr;
  {
    std::lock_guard lock(mutex_);
    const auto size = sizes_.try_emplace(bytes).first;
    auto& free = size->second.free;
    size->second.last_use = ++uses_;
    free.reserve(most(bytes));  // so that giving back never allocates
    if (!free.empty()) memory = free.back(), free.pop_back(), kept_ -= bytes;
    if (sizes_.size() > kMostSizes) forget_oldest(size);
  }
  if (!memory) memory = allocate(bytes ? bytes : 1);
  // A buffer does not keep the pool alive: results kept by the user must not keep the session's spare memory.
  const auto back = [pool = weak_from_this(), bytes](std::byte* p) {
    if (auto alive = pool.lock()) alive->give_back(p, bytes);
    else release(p);
  };
  return {std::shared_ptr<std::byte>(memory, back), bytes};
}

std::size_t BufferPool::kept() const {
  std::lock_guard lock(mutex_);
  return kept_;
}

void BufferPool::give_back(std::byte* memory, std::size_t bytes) noexcept {
  {
    std::lock_guard lock(mutex_);
    const auto size = sizes_.find(bytes);
    if (size != sizes_.end() && size->second.free.size() < most(bytes) && bytes <= kMostBytes) {
      while (kept_ + bytes > kMostBytes && sizes_.size() > 1) forget_oldest(size);
      if (kept_ + bytes <= kMostBytes) {
        size->second.free.push_back(memory);
        kept_ += bytes;
        return;
      }
    }
  }
  release(memory);
}

/// Lets go of the size that nobody has asked for the longest, except one.
void BufferPool::forget_oldest(Sizes::iterator but) {
  auto oldest = sizes_.end();
  for (auto s = sizes_.begin(); s != sizes_.end(); ++s)
    if (s != but && (oldest == sizes_.end() || s->second.last_use < oldest->second.last_use)) oldest = s;
  for (std::byte* memory : oldest->second.free) release(memory);
  kept_ -= oldest->first * oldest->second.free.size();
  sizes_.erase(oldest);
}

}  // namespace ez_rknn
