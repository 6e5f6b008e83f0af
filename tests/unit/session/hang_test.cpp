/// Runs that never return, as a hung NPU's: the session stays closable.
#include <memory>
#include <optional>

#include "fake.hpp"

using namespace fake;

namespace {

void wait_for_running(Session& session, std::size_t n = 1) {
  REQUIRE(eventually([&] { return session.stats().running == n; }));
}

/// Lets the runtime return at the end of a test whatever became of it, and waits for what was left to it.
struct Hung {
  int threads = thread_count();
  ~Hung() {
    Runtime::get().release();
    CHECK(eventually([] { return Runtime::get().live_contexts() == 0; }));
    CHECK(eventually([&] { return thread_count() == threads; }));
  }
};

template <class E>
Callback expecting(std::atomic<int>& seen) {
  return [&seen](std::vector<Tensor>, std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const E&) { ++seen; }
  };
}

}  // namespace

TEST_CASE("close with a limit ends what waits and answers for what the runtime keeps") {
  const Hung hung;
  SessionOptions options;
  options.max_queue_size = 10;
  Session session = open("run=hold", options);
  std::atomic<int> timeouts{0}, closed{0};
  session.run_async(Input(0), expecting<Timeout>(timeouts));
  wait_for_running(session);
  session.run_async(Input(1), expecting<Closed>(closed));
  auto future = session.submit(Input(2));
  std::thread blocked([&] { CHECK_THROWS_AS(session.run(Input(3)), Closed); });
  REQUIRE(eventually([&] { return session.stats().waiting == 3; }));

  CHECK_FALSE(session.close(10ms));
  CHECK(timeouts == 1);
  CHECK(closed == 1);
  CHECK_THROWS_AS(future.get(), Closed);
  blocked.join();
  const auto s = session.stats();
  CHECK(s.abandoned == 1);
  CHECK(s.timed_out == 1);
  CHECK(s.cancelled == 3);
  CHECK(s.delivered == 4);
  CHECK(s.waiting + s.running == 0);
  CHECK_THROWS_AS(session.run(Input(4)), Closed);
  CHECK_FALSE(session.close(1ms));  // still hung

  Runtime::get().release();
  CHECK(session.close());
  CHECK(session.stats().abandoned == 0);
  CHECK(Runtime::get().live_contexts() == 0);
}

TEST_CASE(
    "the destructor gives up once nothing has ended for close_timeout; the rest is freed should the runtime return") {
  const Hung hung;
  SessionOptions options;
  options.close_timeout = 20ms;
  std::atomic<int> timeouts{0};
  {
    Session session = open("run=hold", options);
    session.run_async(Input(0), expecting<Timeout>(timeouts));
  }
  CHECK(timeouts == 1);
  CHECK(Runtime::get().live_contexts() == 1);  // a context whose run has not returned cannot be destroyed
}

TEST_CASE("close_timeout counts from the last task that ended, not from the first") {
  SessionOptions options;
  options.close_timeout = 2s;
  options.max_queue_size = 100;
  Session session = open("delay_us=100000", options);
  std::atomic<int> delivered{0};
  for (int k = 0; k < 40; ++k)  // four seconds of work
    session.run_async(Input(0),
                      [&](std::vector<Tensor> results, std::exception_ptr) { delivered += !results.empty(); });
  CHECK(session.close());
  CHECK(delivered == 40);
}

TEST_CASE("one core hangs: the others go on, and close ends") {
  const Hung hung;
  SessionOptions options;
  options.balanced = true;
  Session session = open("hold_above=100", options);
  CHECK_THROWS_AS(session.run(Input(101), limited(10ms)), Timeout);
  CHECK(session.stats().abandoned == 1);
  for (int k = 0; k < 50; ++k) CHECK(first_of(session.run(Input(float(k)), limited(10s))) == float(k));
  CHECK_FALSE(session.close(1ms));
}

TEST_CASE("a blocking run lends its memory: close gives up, the run returns when the runtime does") {
  const Hung hung;
  auto session = std::make_unique<Session>(open("run=hold"));
  std::atomic<bool> returned{false};
  std::thread caller([&] {
    CHECK(first_of(session->run(Input(7))) == 7);
    returned = true;
  });
  wait_for_running(*session);
  CHECK_FALSE(session->close(1ms));
  CHECK_FALSE(returned);
  Runtime::get().release();
  caller.join();
}

TEST_CASE("a batch lends its memory too: what has begun is waited for, what has not ends with Closed") {
  const Hung hung;
  Session session = open("run=hold");
  std::vector<float> in(3 * 4, 1);
  std::thread caller([&] {
    const InputView view{in.data(), ElementType::float32, {3, 4}};
    CHECK_THROWS_AS(session.run_batch({&view, 1}), Closed);
    in.clear();
    in.shrink_to_fit();  // the sanitizer sees whoever still reads it
  });
  REQUIRE(eventually([&] { return session.stats().waiting == 2; }));
  CHECK_FALSE(session.close(1ms));
  CHECK(session.stats().cancelled == 2);
  Runtime::get().release();
  caller.join();
}

TEST_CASE("a warm-up that waits for a hung worker ends with the session") {
  const Hung hung;
  Session session = open("run=hold");
  session.run_async(Input(0), [](std::vector<Tensor>, std::exception_ptr) {});
  wait_for_running(session);
  std::thread caller([&] { CHECK_THROWS_AS(session.warm_up(), Closed); });
  std::this_thread::sleep_for(20ms);  // most often it waits by then
  CHECK_FALSE(session.close(1ms));
  caller.join();
}

TEST_CASE("a callback that does not return: close with a limit gives up, without one it waits") {
  Session session = open("");
  std::atomic<bool> go{false};
  session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) {
    while (!go) std::this_thread::sleep_for(1ms);
  });
  CHECK_FALSE(session.close(10ms));
  go = true;
  CHECK(session.close());
}

TEST_CASE("a closed session is closed again at once; a limit below 0 is refused; in a callback it does not wait") {
  Session session = open("");
  CHECK_THROWS_AS(session.close(-1ns), InvalidArgument);
  std::atomic<int> answer{-1};
  session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) { answer = session.close(1h); });
  CHECK(session.close(std::chrono::nanoseconds::max()));
  CHECK(answer == 0);
  CHECK(session.close(0ns));
}
