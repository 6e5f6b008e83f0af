#include "core/global_mutex.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

using ez_rknn::GlobalMutex;

TEST_CASE("a forked child finds a global mutex free that another thread nearly always holds") {
  static auto* mutex = new GlobalMutex;
  std::atomic<bool> stop{false};
  std::thread holder([&] {
    while (!stop) {
      const std::lock_guard lock(*mutex);
      const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(200);
      while (std::chrono::steady_clock::now() < end) {}
    }
  });
  for (int k = 0; k < 20; ++k) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);  // what would end a child that waits for ever
      mutex->lock();
      _exit(7);
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
  }
  stop = true;
  holder.join();
}
