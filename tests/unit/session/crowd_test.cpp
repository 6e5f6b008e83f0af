/// Many of everything: sessions, threads, and faults at every call of the runtime in turn.
#include <algorithm>
#include <memory>

#include "fake.hpp"

using namespace fake;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSessions = 1'000, kAtOnce = 50, kRuns = 20;
#else
constexpr int kSessions = 10'000, kAtOnce = 300, kRuns = 100;
#endif

}  // namespace

TEST_CASE("ten thousand sessions, one after the other and hundreds at once, leave nothing behind") {
  const int threads = thread_count(), descriptors = entries("/proc/self/fd");
  for (int k = 0; k < kSessions; ++k) {
    Session session = open("");
    REQUIRE(first_of(session.run(Input(float(k % 100)))) == float(k % 100));
  }
  {
    std::vector<Session> sessions;
    for (int k = 0; k < kAtOnce; ++k) sessions.push_back(open(""));
    CHECK(Runtime::get().live_contexts() == kAtOnce);
    std::atomic<int> delivered{0};
    for (Session& s : sessions)
      s.run_async(Input(1), [&](std::vector<Tensor>, std::exception_ptr error) { delivered += !error; });
    for (Session& s : sessions) CHECK(first_of(s.run(Input(2))) == 2);
    sessions.clear();
    CHECK(delivered == kAtOnce);
  }
  CHECK(Runtime::get().live_contexts() == 0);
  CHECK(thread_count() == threads);
  CHECK(entries("/proc/self/fd") == descriptors);
}

TEST_CASE("64 threads on one session: every call gets its own result") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  options.submit_timeout = std::chrono::minutes(5);
  Session session = open("compute=affine 2 1", options);
  std::atomic<long> wrong{0}, called{0}, asked{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t)
    threads.emplace_back([&, t] {
      for (int k = 0; k < kRuns; ++k) {
        const auto value = float(t * 1000 + k);
        const auto right = [&wrong, value](const std::vector<Tensor>& results) {
          if (results.empty() || first_of(results) != 2 * value + 1) ++wrong;
        };
        const auto done = [&called, right](std::vector<Tensor> results, std::exception_ptr) {
          right(results), ++called;
        };
        switch ((t + k) % 4) {
          case 0: right(session.run(Input(value))); break;
          case 1: right(session.submit(Input(value)).get()); break;
          case 2: session.run_async(Input(value), done), ++asked; break;
          default: session.post(Input(value), done), ++asked;
        }
      }
    });
  for (auto& t : threads) t.join();
  session.close();
  CHECK(wrong == 0);
  CHECK(called == asked);
  const auto s = session.stats();
  CHECK(s.submitted == std::uint64_t(64 * kRuns));
  CHECK(s.completed == s.submitted);
}

TEST_CASE("whichever call of the runtime fails, each request ends once and the session goes on") {
  SessionOptions options;
  options.schedule = {0, 1};
  for (const char* function : {"init", "query", "dup_context", "set_core_mask", "inputs_set", "run", "outputs_get",
                               "outputs_release", "destroy"})
    for (int nth = 1; nth <= 8; ++nth) {
      CAPTURE(std::string(function));
      CAPTURE(nth);
      std::atomic<int> delivered{0}, failed{0};
      const auto done = [&](std::vector<Tensor> results, std::exception_ptr error) {
        ++(error ? failed : delivered);
        CHECK(results.empty() == (error != nullptr));
      };
      try {
        Session session = open("fail=" + std::string(function) + ":-1:" + std::to_string(nth), options);
        for (int k = 0; k < 4; ++k) session.run_async(Input(0), done);
        for (int k = 0; k < 4; ++k) try {
            session.run(Input(0));
            ++delivered;
          } catch (const DeviceError& e) {
            CHECK(e.rknn_ret == -1);
            ++failed;
          }
        session.close();
        CHECK(delivered + failed == 8);
        CHECK(failed <= 1);
        const auto s = session.stats();
        CHECK(s.completed + s.failed == 8);
        CHECK(s.delivered == 8);
      } catch (const DeviceError&) {
        CHECK(delivered + failed == 0);  // the constructor's
      }
      CHECK(Runtime::get().live_contexts() == 0);
    }
}

TEST_CASE("a lost core fails its own tasks and no others") {
  SessionOptions options;
  for (const bool balanced : {false, true}) {
    options.balanced = balanced;
    options.schedule = balanced ? std::vector<int>{} : std::vector<int>{0, 1, 2};
    Session session = open("fail_core=2:-1;delay_us=100", options);
    std::vector<int> ended;
    std::atomic<int> failed{0};
    for (int k = 0; k < 60; ++k)
      session.run_async(Input(float(k)), [&, k](std::vector<Tensor> results, std::exception_ptr error) {
        ended.push_back(k);
        failed += error != nullptr;
        if (!error) CHECK(first_of(results) == float(k));
      });
    session.close();
    CHECK(ended.size() == 60);
    CHECK(std::is_sorted(ended.begin(), ended.end()));
    if (balanced) CHECK(failed < 60);
    else CHECK(failed == 20);
  }
}
