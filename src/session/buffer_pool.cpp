#include "session/buffer_pool.hpp"

#include <new>

namespace ez_rknn {
namespace {

constexpr std::align_val_t kAlignment{64};

std::byte* allocate(std::size_t bytes) { return static_cast<std::byte*>(::operator new(bytes, kAlignment)); }
void release(std::byte* memory) { ::operator delete(memory, kAlignment); }

}  // namespace

BufferPool::~BufferPool() {
  for (auto& [bytes, list] : free_)
    for (std::byte* memory : list) release(memory);
}

Buffer BufferPool::take(std::size_t bytes) {
  std::byte* memory = nullptr;
  {
    std::lock_guard lock(mutex_);
    auto& list = free_[bytes];
    list.reserve(most(bytes));  // so that giving back never allocates
    if (!list.empty()) memory = list.back(), list.pop_back();
  }
  if (!memory) memory = allocate(bytes ? bytes : 1);
  // A buffer does not keep the pool alive: results kept by the user must not keep the session's spare memory.
  const auto back = [pool = weak_from_this(), bytes](std::byte* p) {
    if (auto alive = pool.lock()) alive->give_back(p, bytes);
    else release(p);
  };
  return {std::shared_ptr<std::byte>(memory, back), bytes};
}

void BufferPool::give_back(std::byte* memory, std::size_t bytes) noexcept {
  {
    std::lock_guard lock(mutex_);
    if (auto list = free_.find(bytes); list != free_.end() && list->second.size() < most(bytes)) {
      list->second.push_back(memory);
      return;
    }
  }
  release(memory);
}

}  // namespace ez_rknn
