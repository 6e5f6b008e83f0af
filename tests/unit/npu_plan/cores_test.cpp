#include "npu/exec/cores.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

using namespace ez_rknn::npu;
using namespace std::chrono_literals;

namespace {

/// Waits until `f()` holds, or fails after a second.
template <class F>
bool soon(F&& f) {
  for (int i = 0; i < 1000 && !f(); ++i) std::this_thread::sleep_for(1ms);
  return f();
}

}  // namespace

TEST_CASE("automatic runs take idle cores, one each") {
  Cores cores(1);
  const auto a = cores.acquire(0, 3), b = cores.acquire(0, 3), c = cores.acquire(0, 3);
  CHECK_EQ(a.cores(), 1u);
  CHECK_EQ(b.cores(), 2u);
  CHECK_EQ(c.cores(), 4u);
}

TEST_CASE("a chip's cores bound the mask") {
  Cores cores(1);
  CHECK_EQ(cores.acquire(0xffff, 2).cores(), 3u);
  CHECK_EQ(cores.acquire(4, 1).cores(), 1u);  // no such core: any
}

TEST_CASE("runs pinned to one core queue in order, another core goes past them") {
  Cores cores(1);
  std::optional<Cores::Lease> first(cores.acquire(1, 3));
  std::vector<int> done;
  std::mutex mutex;
  std::atomic<int> started{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      ++started;
      const auto lease = cores.acquire(1, 3);
      std::lock_guard lock(mutex);
      done.push_back(i);
    });
    CHECK(soon([&] { return started == i + 1; }));
    std::this_thread::sleep_for(5ms);  // it has to be inside acquire before the next one starts
  }
  CHECK_EQ(cores.acquire(2, 3).cores(), 2u);
  CHECK(done.empty());
  first.reset();
  for (auto& t : threads) t.join();
  CHECK_EQ(done, std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("a run over several cores is not starved by runs over one of them") {
  Cores cores(1);
  std::optional<Cores::Lease> first(cores.acquire(1, 3));
  std::atomic<bool> wide{false}, narrow{false};
  std::thread a([&] {
    const auto lease = cores.acquire(3, 3);
    wide = true;
    std::this_thread::sleep_for(5ms);
    CHECK_FALSE(narrow);
  });
  std::this_thread::sleep_for(10ms);
  std::thread b([&] {  // core 1 is idle, but promised to the run ahead
    const auto lease = cores.acquire(2, 3);
    narrow = true;
  });
  std::this_thread::sleep_for(10ms);
  CHECK_FALSE(narrow);
  first.reset();
  a.join(), b.join();
  CHECK((wide && narrow));
}

TEST_CASE("threads: all for one run, shared among several, or as told") {
  Cores told(3);
  const auto a = told.acquire(0, 3), b = told.acquire(0, 3);
  CHECK_EQ(a.team().size(), 3);
  CHECK_EQ(b.team().size(), 3);

  Cores shared(0);
  const int all = shared.most_threads();
  const auto c = shared.acquire(0, 3);
  CHECK_EQ(c.team().size(), all);
  const auto d = shared.acquire(0, 3);
  CHECK_EQ(d.team().size(), std::max(1, all / 2));
}

TEST_CASE("many short runs from many threads") {
  Cores cores(2);
  std::atomic<int> inside[3]{}, sum{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 200; ++i) {
        const auto lease = cores.acquire((t * 7 + i) % 8, 3);
        for (unsigned c = 0; c < 3; ++c)
          if (lease.cores() >> c & 1) CHECK_EQ(inside[c].fetch_add(1), 0);
        lease.team().for_each(4, [&](std::size_t, int) { sum.fetch_add(1); });
        for (unsigned c = 0; c < 3; ++c)
          if (lease.cores() >> c & 1) inside[c].fetch_sub(1);
      }
    });
  for (auto& t : threads) t.join();
  CHECK_EQ(sum, 6 * 200 * 4);
}
