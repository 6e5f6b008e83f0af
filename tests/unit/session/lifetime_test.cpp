#include <sys/wait.h>
#include <unistd.h>

#include <latch>
#include <memory>
#include <optional>

#include "fake.hpp"

using namespace fake;

TEST_CASE("close runs and delivers everything accepted") {
  Session session = open("delay_us=20000");
  std::atomic<int> delivered{0};
  for (int k = 0; k < 3; ++k)
    session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) { ++delivered; });
  session.close();
  CHECK(delivered == 3);
  CHECK_THROWS_AS(session.run(Input(0)), Closed);
  CHECK_THROWS_AS(session.run_async(Input(0), {}), Closed);
  CHECK(session.inputs().size() == 1);  // facts remain
  session.close();
  CHECK(Runtime::get().live_contexts() == 0);
}

TEST_CASE("close wakes a submission that waits for room") {
  SessionOptions options;
  options.max_queue_size = 1;
  auto session = std::make_unique<Session>(open("delay_us=100000", options));
  session->submit(Input(0));
  session->submit(Input(0));
  std::atomic<bool> closed{false};
  std::thread waiting([&] {
    try {
      session->run(Input(0));
    } catch (const Closed&) { closed = true; }
  });
  std::this_thread::sleep_for(20ms);
  session->close();
  waiting.join();
  CHECK(closed);
}

TEST_CASE("the last reference may be dropped in a callback") {
  const int threads = settled_thread_count();
  for (int round = 0; round < 20; ++round) {
    auto session = std::make_shared<std::optional<Session>>(open("delay_us=500"));
    std::atomic<int> delivered{0};
    std::latch handed_in(1);  // until then this thread uses the session too
    for (int k = 0; k < 3; ++k)
      (*session)->run_async(Input(0), [&, session](std::vector<Tensor>, std::exception_ptr) {
        handed_in.wait();
        session->reset();
        ++delivered;
      });
    handed_in.count_down();
    session.reset();
    CHECK(eventually([&] { return delivered == 3; }));
  }
  CHECK(eventually([] { return Runtime::get().live_contexts() == 0; }));
  CHECK(eventually([&] { return thread_count() == threads; }));
}

TEST_CASE("close in a callback returns at once, what is accepted is still delivered") {
  Session session = open("delay_us=10000");
  std::atomic<int> delivered{0}, refused{0};
  for (int k = 0; k < 4; ++k)
    session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) {
      session.close();
      try {
        session.run(Input(0));
      } catch (const Closed&) { ++refused; }
      ++delivered;
    });
  session.close();
  CHECK(delivered == 4);
  CHECK(refused == 4);
}

TEST_CASE("an exception in a callback does not end the deliveries") {
  Session session = open("");
  std::atomic<int> delivered{0};
  session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) { throw std::runtime_error("mine"); });
  session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) { ++delivered; });
  session.close();
  CHECK(delivered == 1);
}

TEST_CASE("no thread, descriptor or context outlives its session") {
  const int threads = settled_thread_count(), descriptors = entries("/proc/self/fd");
  for (int round = 0; round < 20; ++round) {
    SessionOptions options;
    options.schedule = {0, 1, 2};
    options.threads_per_core = 2;
    Session session = open("", options);
    CHECK(Runtime::get().live_contexts() == 6);
    session.run(Input(0));
    session.run_async(Input(0), [](std::vector<Tensor>, std::exception_ptr) {});
  }
  CHECK(Runtime::get().live_contexts() == 0);
  CHECK(eventually([&] { return thread_count() == threads; }));
  CHECK(entries("/proc/self/fd") == descriptors);
}

TEST_CASE("a constructor that fails half-way leaves nothing behind") {
  const int threads = thread_count();
  SessionOptions options;
  options.schedule = {0, 1, 2};
  for (const char* fail : {"fail=init:-1", "fail=query:-7", "fail=query:-7:2", "fail=set_core_mask:-1:2",
                           "dup=0;fail=init:-4:3", "fail=set_core_mask:-5:1"}) {
    CAPTURE(std::string(fail));
    CHECK_THROWS_AS(open(fail, options), DeviceError);
    CHECK(Runtime::get().live_contexts() == 0);
  }
  CHECK(thread_count() == threads);
}

TEST_CASE("results outlive the session") {
  std::vector<Tensor> results;
  {
    Session session = open("compute=affine 1 5");
    results = session.run(Input(2));
  }
  CHECK(first_of(results) == 7);
}

TEST_CASE("a model with shared weights keeps the other's context alive") {
  std::optional<Session> master = open("");
  Session slave = open("", {}, &*master);
  CHECK(Runtime::get().trace().find("init:32") != std::string::npos);
  CHECK(Runtime::get().calls("dup_context") == 0);
  master.reset();
  CHECK(Runtime::get().live_contexts() == 2);
  CHECK(first_of(slave.run(Input(3))) == 3);
  slave.close();
  master = open("");
  master->close();
  CHECK_THROWS_AS(open("", {}, &*master), Closed);
}

#if !defined(__SANITIZE_THREAD__)
TEST_CASE("a forked child gets an error instead of waiting for threads it does not have") {
  auto session = std::make_unique<Session>(open(""));
  const pid_t child = fork();
  if (child == 0) {
    bool refused = false;
    try {
      session->run(Input(0));
    } catch (const Closed&) { refused = true; }
    session.reset();
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(first_of(session->run(Input(1))) == 1);
}
#endif
