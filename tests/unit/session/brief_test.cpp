/// Tasks that are over sooner than a thread can be woken, which one thread does for all cores.
#include <time.h>

#include <fstream>
#include <vector>

#include "fake.hpp"

namespace {

using namespace fake;

constexpr const char* kScript = "hold_above=100;compute=affine 2 1";

SessionOptions three_cores() {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  options.max_queue_size = 64;
  return options;
}

}  // namespace

// Guards against leaving a task to a thread that is held up: nobody was woken for it.
TEST_CASE("a task behind one that is unexpectedly long goes to another core") {
  Session session = open(kScript, three_cores());
  for (int round = 0; round < 50; ++round) {
    std::vector<Future> brief, after;
    for (int k = 0; k < 60; ++k) brief.push_back(session.submit(Input(float(k))));
    Future held = session.submit(Input(1000));
    for (int k = 0; k < 2; ++k) after.push_back(session.submit(Input(float(k))));  // on the two other cores
    for (int k = 0; k < 2; ++k) {
      REQUIRE(after[std::size_t(k)].wait_for(20s));
      CHECK(first_of(after[std::size_t(k)].get()) == 2 * float(k) + 1);
    }
    CHECK_FALSE(held.ready());
    Runtime::get().release();
    CHECK(first_of(held.get()) == 2001);
    for (int k = 0; k < 60; ++k) CHECK(first_of(brief[std::size_t(k)].get()) == 2 * float(k) + 1);
    Runtime::get().script(kScript);  // holds again
  }
}

// Guards against a thread on watch that goes on waking up.
TEST_CASE("after brief tasks an idle session uses no processor time") {
  Session session = open("", three_cores());
  for (int k = 0; k < 2000; ++k) session.submit(Input(0)).get();
  const auto cpu_ms = [] {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) * 1e3 + double(t.tv_nsec) / 1e6;
  };
  const auto switches = [] {
    long sum = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream status(task.path() / "status");
      for (std::string word; status >> word;)
        if (word == "voluntary_ctxt_switches:") {
          long n = 0;
          status >> n;
          sum += n;
        }
    }
    return sum;
  };
  // A thread that wakes up every millisecond would do so hundreds of times in any such half second.
  const bool quiet = eventually([&] {
    const double cpu = cpu_ms();
    const long before = switches();
    std::this_thread::sleep_for(500ms);
    return switches() - before < 20 && cpu_ms() - cpu < 100;
  });
  CHECK(quiet);
}

TEST_CASE("many submitters of brief tasks: each ends once, in order of its ticket") {
  SessionOptions options = three_cores();
  options.max_queue_size = 2;
  Session session = open("compute=affine 2 1", options);
  std::atomic<int> wrong{0}, seen{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::atomic<int> next{0};
      std::atomic<int> done{0};
      for (int k = 0; k < 3000; ++k)
        session.run_async(Input(float(k)), [&, k](std::vector<Tensor> r, std::exception_ptr error) {
          if (error || first_of(r) != 2 * float(k) + 1 || next++ != k) ++wrong;
          ++seen, ++done;
        });
      if (!eventually([&] { return done == 3000; })) ++wrong;
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(seen == 12000);
}
