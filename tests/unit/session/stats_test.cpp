/// Statistics, warm-up and the recorded trace. That the trace is JSON and what it holds is tested in Python.
#include "session/histogram.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>

#include "fake.hpp"

using namespace fake;

TEST_CASE("a histogram's percentiles are at most an eighth above the true ones") {
  Histogram histogram;
  CHECK(histogram.percentiles().max == 0);
  std::mt19937_64 random(1);
  std::vector<std::int64_t> all;
  for (int k = 0; k < 20000; ++k) {
    all.push_back(static_cast<std::int64_t>(random() >> (20 + random() % 40)));
    histogram.add(std::chrono::nanoseconds(all.back()));
  }
  std::sort(all.begin(), all.end());
  const auto p = histogram.percentiles();
  const auto check = [&](double found, double q) {
    const auto rank = static_cast<std::size_t>(q * double(all.size())) - 1;
    const double truth = double(all[rank]) / 1e6;
    CHECK(found >= truth);
    CHECK(found <= truth * 1.125 + 1e-6);
  };
  check(p.p50, 0.5);
  check(p.p90, 0.9);
  check(p.p99, 0.99);
  CHECK(p.max == double(all.back()) / 1e6);
  histogram.add(std::chrono::nanoseconds(INT64_MAX));
  histogram.add(std::chrono::nanoseconds(-1));
}

TEST_CASE("stats count every way a task can end, and what each core did") {
  SessionOptions options;
  options.schedule = {0, 1, 1};
  options.threads_per_core = 2;
  Session session = open("delay_us=2000;fail_negative=-1", options);
  for (int k = 0; k < 6; ++k) session.run(Input(1));
  CHECK_THROWS_AS(session.run(Input(-1)), DeviceError);
  const auto s = session.stats();
  CHECK(s.submitted == 7);
  CHECK(s.completed == 6);
  CHECK(s.failed == 1);
  CHECK(s.delivered == 7);
  REQUIRE(s.cores.size() == 2);
  CHECK(s.cores[0].core == 0);
  CHECK(s.cores[0].workers == 2);
  CHECK(s.cores[0].tasks == 3);
  CHECK(s.cores[1].tasks == 4);
  CHECK(s.cores[0].busy_ms >= 3 * 2.0);
  CHECK(s.run.p50 >= 2.0);
  CHECK(s.run.max >= s.run.p99);
  CHECK(s.run.p99 >= s.run.p50);
  CHECK(s.wait.max < 1000);
}

TEST_CASE("the wait in the queue is measured") {
  Session session = open("delay_us=30000");
  auto first = session.submit(Input(1));
  auto second = session.submit(Input(1));
  second.get();
  CHECK(session.stats().wait.max >= 25);
}

TEST_CASE("warm_up runs on every worker, takes no ticket and counts nothing") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  options.threads_per_core = 2;
  Session session = open("compute=core;delay_us=3000", options);
  auto busy = session.submit(Input(0));
  session.warm_up(2);
  CHECK(Runtime::get().calls("run") == 13);
  CHECK(session.stats().submitted == 1);
  CHECK(first_of(session.run(Input(0))) == 2);  // ticket 1: core 1
  CHECK_THROWS_AS(session.warm_up(0), InvalidArgument);
  session.close();
  CHECK_THROWS_AS(session.warm_up(), Closed);
  Session failing = open("fail=run:-1:1");
  CHECK_THROWS_AS(failing.warm_up(), DeviceError);
  CHECK(first_of(failing.run(Input(3))) == 3);
}

TEST_CASE("warm_up and runs at the same time") {
  Session session = open("jitter_us=300;inputs=x:1x4:UNDEFINED:f32;dynamic=1x4|1x8");
  std::thread warming([&] {
    for (int k = 0; k < 20; ++k) session.warm_up();
  });
  for (int k = 0; k < 100; ++k) CHECK(first_of(session.run(Input(float(k)))) == k);
  warming.join();
}

TEST_CASE("profiling: off until started, one recording at a time, written by end_profiling or by close") {
  const auto folder = std::filesystem::temp_directory_path() / ("ez_rknn_trace_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  Session session = open("");
  CHECK(session.end_profiling().empty());
  CHECK(session.profiling_start_ns() == 0);
  CHECK_THROWS_AS(session.start_profiling(folder / "no" / "such"), NoSuchFile);
  session.start_profiling(folder / "a");
  CHECK(session.profiling_start_ns() > 0);
  CHECK_THROWS_AS(session.start_profiling(folder / "b"), InvalidArgument);
  session.run(Input(1));
  const std::string first = session.end_profiling();
  CHECK(first.find("/a_") != std::string::npos);
  CHECK(session.end_profiling().empty());
  session.start_profiling(folder / "a");  // in the same second
  session.close();
  const std::string second = session.end_profiling();
  CHECK(second != first);
  const auto content = [](const std::string& path) {
    std::stringstream s;
    s << std::ifstream(path).rdbuf();
    return s.str();
  };
  CHECK(content(first).find(R"("name":"run")") != std::string::npos);
  CHECK(content(second).find(R"("name":"run")") == std::string::npos);
  CHECK(content(second).find("traceEvents") != std::string::npos);
  std::filesystem::remove_all(folder);
}
