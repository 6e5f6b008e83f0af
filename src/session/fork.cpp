#include "session/fork.hpp"

#include <pthread.h>

#include <atomic>

namespace ez_rknn {
namespace {

std::atomic<unsigned> generation{0};

}  // namespace

unsigned fork_generation() {
  static const bool watching = pthread_atfork(nullptr, nullptr, [] { ++generation; }) == 0;
  static_cast<void>(watching);
  return generation.load(std::memory_order_relaxed);
}

}  // namespace ez_rknn
