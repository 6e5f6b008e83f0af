#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#if defined(__SANITIZE_ADDRESS__)
#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>

/// Some tests leave threads behind, of runtimes that do not return. The check for leaks looks into all that are there,
/// and may itself crash on one that is just ending: wait until none has for a while.
static void let_threads_end() {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
  };
  auto count = threads();
  for (int round = 0, quiet = 0; round < 100 && quiet < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto now = threads();
    quiet = now == count ? quiet + 1 : 0;
    count = now;
  }
}
#endif

int main(int argc, char** argv) {
  const int failed = doctest::Context(argc, argv).run();
#if defined(__SANITIZE_ADDRESS__)
  let_threads_end();
#endif
  return failed;
}
