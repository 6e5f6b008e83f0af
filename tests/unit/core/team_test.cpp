#include "core/team.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "becomes.hpp"

using namespace ez_rknn;

namespace {

/// A job that so many workers do at the same time: each stays until all have come. Whether they have.
bool meet(Team& team, int workers) {
  std::atomic<int> came{0}, met{0};
  std::vector<std::atomic<int>> by(static_cast<std::size_t>(team.size()));
  team.for_each(static_cast<std::size_t>(workers), [&](std::size_t, int worker) {
    came.fetch_add(1), by[static_cast<std::size_t>(worker)].fetch_add(1);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (came.load() < workers && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    if (came.load() == workers) met.fetch_add(1);
  });
  for (const auto& times : by)
    if (times.load() > 1) return false;
  return met.load() == workers;
}

}  // namespace

TEST_CASE("every worker comes to each job, once") {
  for (int size : {1, 2, 5}) {
    Team team(size);
    REQUIRE_EQ(team.size(), size);
    for (int job = 1; job <= 50; ++job) REQUIRE(meet(team, size));
  }
}

TEST_CASE("for_each visits each item once, after idle pauses long enough to sleep too") {
  Team team(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
    std::vector<std::atomic<int>> visits(1000);
    team.for_each(visits.size(), [&](std::size_t i, int worker) {
      REQUIRE(worker < 3);
      visits[i].fetch_add(1);
    });
    for (auto& v : visits) REQUIRE_EQ(v.load(), 1);
  }
}

TEST_CASE("a team that never worked ends") { Team team(4); }

TEST_CASE("a watch wakes threads that sleep; they sleep again after it, and during it when nothing comes") {
  Team team(3);
  for (int round = 0; round < 3; ++round) {
    REQUIRE(becomes([&] { return !team.awake(); }));
    const Team::Watch watch(team);
    if (round == 1) REQUIRE(becomes([&] { return !team.awake(); }));  // patience ends
    std::vector<std::atomic<int>> visits(100);
    for (int job = 1; job <= 50; ++job) {
      team.for_each(visits.size(), [&](std::size_t i, int) { visits[i].fetch_add(1); });
      for (auto& v : visits) REQUIRE_EQ(v.load(), job);
    }
  }
}

TEST_CASE("a watch begins while threads look for work, lie down or sleep, and none misses it") {
  Team team(4);
  for (int round = 0; round < 100; ++round) {
    const Team::Watch watch(team);
    if (round % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds(20 * (round % 7)));
    REQUIRE(meet(team, 4));
  }
}

TEST_CASE("threads beyond the limit take no part until it is raised, during a watch or without one") {
  Team team(3);
  for (int round = 0; round < 20; ++round) {
    std::optional<Team::Watch> watch;
    if (round % 2) watch.emplace(team);
    for (int limit : {1, 2, 3, 1, 3, 2}) {
      team.limit(limit);
      REQUIRE_EQ(team.limit(), limit);
      std::atomic<int> most{0}, sum{0};
      team.for_each(20, [&](std::size_t, int worker) {
        sum.fetch_add(1);
        for (int seen = most.load(); seen < worker && !most.compare_exchange_weak(seen, worker);) {}
      });
      REQUIRE_EQ(sum.load(), 20);
      REQUIRE_LT(most.load(), limit);
      REQUIRE(meet(team, limit));
    }
  }
  team.limit(0);
  CHECK_EQ(team.limit(), 1);
  team.limit(9);
  CHECK_EQ(team.limit(), 3);
}

TEST_CASE("a watch wakes threads that get their place back while they sleep") {
  Team team(2);
  for (int round = 0; round < 3; ++round) {
    const Team::Watch watch(team);
    team.limit(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
    team.limit(2);
    // Awake, and not because a job woke it. It may be asleep again after its patience: raise again.
    REQUIRE(becomes([&] {
      team.limit(1), team.limit(2);
      return team.awake();
    }));
  }
}

TEST_CASE("a larger limit that is to come later comes with a later job, unless something else is said before") {
  using namespace std::chrono_literals;
  Team team(3);
  const auto work = [&] { team.for_each(2, [](std::size_t, int) {}); };
  team.limit(1);
  team.limit(3, 1h);
  work();
  CHECK_EQ(team.limit(), 1);
  team.limit(2, 1ms);
  CHECK(becomes([&] { return work(), team.limit() == 2; }));
  CHECK(meet(team, 2));
  team.limit(3, 1ns), team.limit(2);
  work();
  CHECK_EQ(team.limit(), 2);
  team.limit(1, 1h);  // fewer do not wait
  CHECK_EQ(team.limit(), 1);
}

TEST_CASE("another thread changes the limit at any time, and no item is lost or done twice") {
  Team team(4);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    for (int i = 0; !stop; ++i) team.limit(1 + i * 7 % 5, std::chrono::nanoseconds(i % 3));
  });
  for (int round = 0; round < 300; ++round) {
    const Team::Watch watch(team);
    std::vector<std::atomic<int>> visits(64);
    for (int job = 1; job <= 5; ++job) {
      team.for_each(visits.size(), [&](std::size_t i, int) { visits[i].fetch_add(1); });
      for (auto& v : visits) REQUIRE_EQ(v.load(), job);
    }
  }
  stop = true;
  other.join();
}
