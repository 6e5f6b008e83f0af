#include "core/shared_bytes.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

using ez_rknn::AlignedBuffer;
using ez_rknn::SharedBytes;

namespace {

AlignedBuffer filled(std::size_t size, int seed) {
  AlignedBuffer b(size);
  for (std::size_t i = 0; i < size; ++i) b.data()[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(seed));
  return b;
}

}  // namespace

TEST_CASE("equal bytes are held once, as long as somebody holds them") {
  const std::size_t before = SharedBytes::held_by_process();
  for (std::size_t size : {1u, 31u, 32u, 100u, 5000u}) {
    SharedBytes first(filled(size, 1));
    {
      SharedBytes again(filled(size, 1)), other(filled(size, 2)), longer(filled(size + 1, 1));
      CHECK(again.data() == first.data());
      CHECK(other.data() != first.data());
      CHECK(longer.data() != first.data());
      CHECK(SharedBytes::held_by_process() - before == size + size + size + 1);
    }
    CHECK(SharedBytes::held_by_process() - before == size);
    CHECK(std::memcmp(first.data(), filled(size, 1).data(), size) == 0);
    SharedBytes copy = first;
    first = {};
    CHECK(SharedBytes::held_by_process() - before == size);
  }
  CHECK(SharedBytes::held_by_process() == before);
  CHECK(SharedBytes(AlignedBuffer(0)).data() == nullptr);
}

TEST_CASE("threads that come and go with the same bytes") {
  const std::size_t before = SharedBytes::held_by_process();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int k = 0; k < 200; ++k) {
        SharedBytes bytes(filled(300, (t + k) % 3));
        if (std::memcmp(bytes.data(), filled(300, (t + k) % 3).data(), 300) != 0) std::abort();
      }
    });
  for (auto& t : threads) t.join();
  CHECK(SharedBytes::held_by_process() == before);
}
