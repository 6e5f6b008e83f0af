#include "core/shared_bytes.hpp"

#include <cstdint>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/global_mutex.hpp"

namespace ez_rknn {

struct SharedBytes::Held {
  AlignedBuffer bytes;
  std::uint64_t hash;
  bool listed = false;  ///< in the pool; under its mutex
  Held(AlignedBuffer&& b, std::uint64_t h) : bytes(std::move(b)), hash(h) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held();
};

namespace {

struct Pool {
  GlobalMutex mutex;
  std::unordered_multimap<std::uint64_t, std::weak_ptr<const SharedBytes::Held>> by_hash;
  std::size_t held = 0;
};

Pool& pool() {
  static Pool* p = new Pool;  // never destroyed: models may outlive static destruction
  return *p;
}

/// Four sums at once, so that it runs as fast as memory does. Equal hashes are compared in full: it need only be fair.
std::uint64_t hash_of(const AlignedBuffer& bytes) {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15u;
  std::uint64_t sums[4] = {1, 2, 3, 4};
  std::size_t at = 0;
  for (; at + sizeof sums <= bytes.size(); at += sizeof sums)
    for (std::size_t k = 0; k < 4; ++k) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + at + k * sizeof word, sizeof word);
      sums[k] = (sums[k] ^ word) * kFactor;
      sums[k] ^= sums[k] >> 29;
    }
  std::uint64_t hash = bytes.size();
  for (const std::uint64_t sum : sums) hash = (hash ^ sum) * kFactor;
  for (; at < bytes.size(); ++at) hash = (hash ^ std::to_integer<std::uint64_t>(bytes.data()[at])) * kFactor;
  return hash ^ hash >> 32;
}

bool equal(const AlignedBuffer& a, const AlignedBuffer& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

SharedBytes::Held::~Held() {
  if (!listed) return;
  std::lock_guard lock(pool().mutex);
  pool().held -= bytes.size();
  const auto [first, last] = pool().by_hash.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (it->second.expired()) {  // this one, or another that is being destroyed and will take this one's entry
      pool().by_hash.erase(it);
      return;
    }
}

SharedBytes::SharedBytes(AlignedBuffer&& bytes) {
  if (bytes.size() == 0) return;
  const std::uint64_t hash = hash_of(bytes);
  auto own = std::make_shared<Held>(std::move(bytes), hash);
  std::vector<std::shared_ptr<const Held>> others;  // let go after the lock: the last reference takes it again
  std::lock_guard lock(pool().mutex);
  const auto [first, last] = pool().by_hash.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (auto other = it->second.lock()) {
      if (equal(other->bytes, own->bytes)) {
        held_ = std::move(other);
        return;
      }
      others.push_back(std::move(other));
    }
  pool().by_hash.emplace(hash, own);
  pool().held += own->bytes.size();
  own->listed = true;
  held_ = std::move(own);
}

const std::byte* SharedBytes::data() const { return held_ ? held_->bytes.data() : nullptr; }
std::size_t SharedBytes::size() const { return held_ ? held_->bytes.size() : 0; }

std::size_t SharedBytes::held_by_process() {
  std::lock_guard lock(pool().mutex);
  return pool().held;
}

}  // namespace ez_rknn
