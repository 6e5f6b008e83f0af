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
