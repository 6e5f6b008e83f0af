#include "npu/exec/cores.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "becomes.hpp"

using namespace ez_rknn::npu;
using namespace std::chrono_literals;

namespace {

/// Whether a run that goes on comes to have so many threads.
bool gets(const Cores::Lease& lease, int threads) {
  return becomes([&] {
    lease.team().for_each(2, [](std::size_t, int) {});
    return lease.team().limit() == threads;
  });
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
    CHECK(becomes([&] { return started == i + 1; }));
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

TEST_CASE("threads: all CPUs for one run, shared among several, given back at the end of one") {
  Cores cores(0, 8);
  CHECK_EQ(cores.most_threads(), 8);
  const auto a = cores.acquire(0, 3);
  CHECK_EQ(a.team().limit(), 8);
  {
    const auto b = cores.acquire(0, 3);
    CHECK_EQ(a.team().limit(), 4);
    CHECK_EQ(b.team().limit(), 4);
    {
      const auto c = cores.acquire(0, 3);
      CHECK_EQ(a.team().limit() + b.team().limit() + c.team().limit(), 8);
      CHECK_EQ(std::min({a.team().limit(), b.team().limit(), c.team().limit()}), 2);
    }
    CHECK(gets(a, 4));
    CHECK(gets(b, 4));
  }
  CHECK(gets(a, 8));
  CHECK_EQ(cores.acquire(0, 3).team().limit(), 4);  // on a team that another run has used
}

TEST_CASE("threads: at least one for each run, and for one run no more than asked for") {
  Cores few(0, 2);
  const auto a = few.acquire(0, 3), b = few.acquire(0, 3), c = few.acquire(0, 3);
  for (const auto* lease : {&a, &b, &c}) CHECK_EQ(lease->team().limit(), 1);

  Cores told(2, 16);
  const auto d = told.acquire(0, 3), e = told.acquire(0, 3), f = told.acquire(0, 3);
  CHECK_EQ(told.most_threads(), 2);
  for (const auto* lease : {&d, &e, &f}) CHECK_EQ(lease->team().limit(), 2);

  Cores more(6, 2);  // more than there are CPUs, which is slow, but asked for
  const auto g = more.acquire(0, 3);
  CHECK_EQ(g.team().limit(), 6);
  const auto h = more.acquire(0, 3), i = more.acquire(0, 3);
  for (const auto* lease : {&g, &h, &i}) CHECK_EQ(lease->team().limit(), 2);
}

TEST_CASE("many short runs from many threads") {
  Cores cores(2, 4);  // as many threads as CPUs for two runs, a share of them for three
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
