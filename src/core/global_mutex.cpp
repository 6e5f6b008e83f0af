#include "core/global_mutex.hpp"

#include <pthread.h>

#include <cstddef>
#include <thread>
#include <vector>

namespace ez_rknn {
namespace {

struct All {
  std::mutex mutex;
  std::vector<std::mutex*> globals;
};

All& all() {
  static All* a = new All;  // never destroyed: a program may fork while it ends
  return *a;
}

void unlock_first(std::size_t n) {
  while (n > 0) all().globals[--n]->unlock();
}

/// All or none, again and again: their order is nobody's concern, so to wait for one while holding another could be for
/// ever.
void before_fork() {
  all().mutex.lock();
  const auto& globals = all().globals;
  for (std::size_t held = 0; held < globals.size();) {
    if (globals[held]->try_lock()) {
      ++held;
      continue;
    }
    unlock_first(held);
    held = 0;
    std::this_thread::yield();
  }
}

void after_fork() {
  unlock_first(all().globals.size());
  all().mutex.unlock();
}

}  // namespace

GlobalMutex::GlobalMutex() {
  static const int watching = pthread_atfork(before_fork, after_fork, after_fork);
  static_cast<void>(watching);
  const std::lock_guard lock(all().mutex);
  all().globals.push_back(this);
}

}  // namespace ez_rknn
