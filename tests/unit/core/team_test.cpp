#include "core/team.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <vector>

using namespace ez_rknn;

TEST_CASE("every worker runs each job exactly once") {
  for (int size : {1, 2, 5}) {
    Team team(size);
    REQUIRE_EQ(team.size(), size);
    std::vector<int> runs(static_cast<std::size_t>(size));
    for (int job = 1; job <= 300; ++job) {
      team.run([&](int worker) { ++runs[static_cast<std::size_t>(worker)]; });
      for (int r : runs) REQUIRE_EQ(r, job);
    }
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

namespace {
/// Waits, without a limit worth the name, until the team's threads are awake or asleep.
bool becomes(const Team& team, bool awake) {
  for (int i = 0; i < 60'000; ++i) {
    if (team.awake() == awake) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}
}  // namespace

TEST_CASE("a watch wakes threads that sleep; they sleep again after it, and during it when nothing comes") {
  Team team(3);
  for (int round = 0; round < 3; ++round) {
    REQUIRE(becomes(team, false));
    const Team::Watch watch(team);
    if (round == 1) REQUIRE(becomes(team, false));  // patience ends
    std::vector<std::atomic<int>> visits(100);
    for (int job = 1; job <= 50; ++job) {
      team.for_each(visits.size(), [&](std::size_t i, int) { visits[i].fetch_add(1); });
      for (auto& v : visits) REQUIRE_EQ(v.load(), job);
    }
  }
}

TEST_CASE("a watch begins while threads look for work, lie down or sleep, and none misses it") {
  Team team(4);
  std::atomic<int> came{0};
  for (int round = 0; round < 2000; ++round) {
    const Team::Watch watch(team);
    if (round % 16 == 0) std::this_thread::sleep_for(std::chrono::microseconds(20 * (round % 7)));
    team.run([&](int) { came.fetch_add(1); });
  }
  CHECK_EQ(came.load(), 8000);
}
