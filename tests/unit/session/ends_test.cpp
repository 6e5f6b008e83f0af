/// How calls end early: time limits, cancellation, withdrawal.
#include <mutex>
#include <optional>

#include "fake.hpp"

using namespace fake;

namespace {

RunOptions cancellable(const Cancellation& by) {
  RunOptions options;
  options.cancellation = by;
  return options;
}

/// The outcome of a callback: the value, or the error's code. Outlives the session, whose threads call it.
struct Outcomes {
  std::mutex mutex;
  std::vector<std::string> texts;
  Callback next() {
    return [this](std::vector<Tensor> results, std::exception_ptr error) {
      std::string text;
      try {
        if (error) std::rethrow_exception(error);
        text = std::to_string(static_cast<int>(first_of(results)));
      } catch (const Timeout&) { text = "timeout"; } catch (const Cancelled&) {
        text = "cancelled";
      } catch (const QueueFull&) { text = "full"; } catch (const Closed&) {
        text = "closed";
      }
      std::lock_guard lock(mutex);
      texts.push_back(text);
    };
  }
  std::vector<std::string> get() {
    std::lock_guard lock(mutex);
    return texts;
  }
  bool reach(std::size_t n) {
    return eventually([&] { return get().size() >= n; });
  }
};
using Texts = std::vector<std::string>;

/// Until the worker of a session with one is busy.
void wait_for_running(Session& session) {
  REQUIRE(eventually([&] { return session.stats().running == 1; }));
}

}  // namespace

TEST_CASE("a run whose time passes in the queue raises Timeout and leaves nothing in the queue") {
  Session session = open("delay=value");
  auto slow = session.submit(Input(400000));
  wait_for_running(session);
  CHECK_THROWS_AS(session.run(Input(1), limited(30ms)), Timeout);
  const auto s = session.stats();
  CHECK(s.waiting == 0);
  CHECK(s.timed_out == 1);
  CHECK(s.submitted == 2);
  CHECK(first_of(slow.get()) == 400000);
  CHECK(first_of(session.run(Input(2), limited(10s))) == 2);
  session.close();
  CHECK(Runtime::get().calls("run") == 2);  // the withdrawn one never ran
}

TEST_CASE("a run whose time passes on the device is left behind; its core comes back") {
  Session session = open("delay=value");
  {
    std::vector<float> gone = {300000, 1, 2, 3};  // freed while the runtime is at work: the task has its own copy
    const InputView view{gone.data(), ElementType::float32, {1, 4}};
    CHECK_THROWS_AS(session.run({&view, 1}, limited(30ms)), Timeout);
  }
  CHECK(session.stats().abandoned == 1);
  CHECK(session.stats().running == 0);
  CHECK(first_of(session.run(Input(5))) == 5);
  CHECK(session.stats().abandoned == 0);
  CHECK(session.stats().timed_out == 1);
  CHECK(session.stats().completed == 1);
}

TEST_CASE("a session closes while a task is left behind on its device") {
  Session session = open("delay=value");
  CHECK_THROWS_AS(session.run(Input(200000), limited(20ms)), Timeout);
  session.close();
  CHECK(Runtime::get().live_contexts() == 0);
}

TEST_CASE("a time limit includes the wait for room") {
  SessionOptions options;
  options.max_queue_size = 1;
  Session session = open("delay=value", options);
  auto running = session.submit(Input(400000));
  auto queued = session.submit(Input(1));
  CHECK_THROWS_AS(session.run(Input(2), limited(20ms)), Timeout);
  CHECK(session.stats().rejected == 1);
  CHECK(first_of(queued.get()) == 1);
}

TEST_CASE("run_async, submit and post: the outcome is Timeout when their time passes, wherever they are") {
  Outcomes outcomes;
  Session session = open("delay=value");
  session.run_async(Input(300000), outcomes.next(), limited(30ms));  // executing
  session.run_async(Input(1), outcomes.next(), limited(20ms));       // queued
  session.run_async(Input(2), outcomes.next());
  auto future = session.submit(Input(3), limited(20ms));
  CHECK_THROWS_AS(future.get(), Timeout);
  REQUIRE(outcomes.reach(3));
  CHECK(outcomes.get() == Texts{"timeout", "timeout", "2"});  // still in order of submission
  session.post(Input(300000), outcomes.next(), limited(20ms));
  REQUIRE(outcomes.reach(4));
  CHECK(outcomes.get().back() == "timeout");
  CHECK(session.stats().timed_out == 4);
}

TEST_CASE("a limit that is not reached changes nothing, and one that means nothing is refused") {
  Session session = open("");
  CHECK(first_of(session.run(Input(1), limited(1h))) == 1);
  CHECK(first_of(session.run(Input(1), limited(std::chrono::nanoseconds::max()))) == 1);
  auto future = session.submit(Input(2), limited(1h));
  CHECK(first_of(future.get()) == 2);
  CHECK_THROWS_AS(session.run(Input(1), limited(0ns)), InvalidArgument);
  CHECK_THROWS_AS(session.submit(Input(1), limited(-1s)), InvalidArgument);
}

TEST_CASE("run_batch: the limit is the whole call's; the input may vanish after it") {
  Session session = open("delay=value");
  {
    std::vector<float> in(4 * 4, 100000);
    const InputView view{in.data(), ElementType::float32, {4, 4}};
    CHECK_THROWS_AS(session.run_batch({&view, 1}, limited(150ms)), Timeout);
  }
  CHECK(session.stats().waiting == 0);
  CHECK(eventually([&] { return session.stats().abandoned == 0; }));
  CHECK(session.stats().completed + session.stats().timed_out == session.stats().submitted);
}

TEST_CASE("a future can be waited for with a limit, and cancelled until it runs") {
  Session session = open("delay=value");
  auto running = session.submit(Input(200000));
  auto queued = session.submit(Input(1));
  wait_for_running(session);
  CHECK_FALSE(running.wait_for(1ms));
  CHECK_THROWS_AS(running.get(1ms), Timeout);
  CHECK(running.valid());
  CHECK_FALSE(running.cancel());
  CHECK(queued.cancel());
  CHECK_FALSE(queued.cancel());
  CHECK_THROWS_AS(queued.get(), Cancelled);
  CHECK(first_of(running.get(10s)) == 200000);
  CHECK(session.stats().cancelled == 1);
}

TEST_CASE("cancel ends what waits, lets finish what runs, and refuses what comes, until reset") {
  SessionOptions options;
  options.max_queue_size = 2;
  Outcomes outcomes;
  Session session = open("delay=value", options);
  Cancellation stop;
  session.run_async(Input(300000), outcomes.next(), cancellable(stop));
  wait_for_running(session);
  session.run_async(Input(1), outcomes.next(), cancellable(stop));
  session.run_async(Input(2), outcomes.next());  // of no group: stays
  std::atomic<int> cancelled{0};
  std::thread blocked([&] {  // the queue is full: waits for room
    try {
      session.run(Input(3), cancellable(stop));
    } catch (const Cancelled&) { ++cancelled; }
  });
  REQUIRE(eventually([&] { return session.stats().waiting_for_room == 1; }));
  stop.cancel();
  blocked.join();
  CHECK(cancelled == 1);
  CHECK(stop.cancelled());
  CHECK_THROWS_AS(session.run(Input(4), cancellable(stop)), Cancelled);
  REQUIRE(outcomes.reach(3));
  CHECK(outcomes.get() == Texts{"300000", "cancelled", "2"});
  stop.reset();
  CHECK(first_of(session.run(Input(5), cancellable(stop))) == 5);
}

TEST_CASE("a blocking run in the queue is ended by its cancellation, in every session that uses it") {
  Session one = open("delay=value");
  Session two = open("delay=value");
  Cancellation stop;
  auto busy_one = one.submit(Input(300000));
  auto busy_two = two.submit(Input(300000));
  std::atomic<int> cancelled{0};
  const auto run = [&](Session& session) {
    try {
      session.run(Input(1), cancellable(stop));
    } catch (const Cancelled&) { ++cancelled; }
  };
  std::thread a([&] { run(one); }), b([&] { run(two); });
  REQUIRE(eventually([&] { return one.stats().waiting == 1 && two.stats().waiting == 1; }));
  const auto start = Clock::now();
  stop.cancel();
  a.join();
  b.join();
  CHECK(cancelled == 2);
  CHECK(ms_since(start) < 250);
}

TEST_CASE("run_batch is ended by its cancellation; what runs is waited for") {
  Session session = open("delay=value");
  Cancellation stop;
  std::vector<float> in(8 * 4, 50000);
  const InputView view{in.data(), ElementType::float32, {8, 4}};
  std::thread canceller([&] {
    eventually([&] { return session.stats().running == 1; });
    stop.cancel();
  });
  CHECK_THROWS_AS(session.run_batch({&view, 1}, cancellable(stop)), Cancelled);
  canceller.join();
  CHECK(session.stats().running == 0);
  CHECK(session.stats().completed < 8);
}

TEST_CASE("post never blocks: tasks without room stand in line and come in order") {
  SessionOptions options;
  options.max_queue_size = 1;
  Outcomes outcomes;
  Session session = open("delay_us=1000", options);
  const auto start = Clock::now();
  for (int k = 0; k < 50; ++k) session.post(Input(float(k)), outcomes.next());
  CHECK(session.stats().waiting_for_room > 0);
  CHECK(ms_since(start) < 5000);
  REQUIRE(outcomes.reach(50));
  Texts expected;
  for (int k = 0; k < 50; ++k) expected.push_back(std::to_string(k));
  CHECK(outcomes.get() == expected);  // one worker: in order of arrival
  CHECK(session.stats().waiting_for_room == 0);
}

TEST_CASE("threads and posted tasks stand in one line") {
  SessionOptions options;
  options.max_queue_size = 1;
  Outcomes outcomes;
  Session session = open("delay=value", options);
  session.post(Input(1000000), outcomes.next());  // long enough for the others to come, on a busy machine too
  session.post(Input(1), outcomes.next());
  session.post(Input(2), outcomes.next());  // parked
  std::thread blocked([&] { session.run_async(Input(3), outcomes.next()); });
  REQUIRE(eventually([&] { return session.stats().waiting_for_room == 2; }));
  session.post(Input(4), outcomes.next());
  blocked.join();
  REQUIRE(outcomes.reach(5));
  // run_async calls back on another thread: its place among the others is not told by the order of callbacks
  Texts posted;
  for (const auto& t : outcomes.get())
    if (t != "3") posted.push_back(t);
  CHECK(outcomes.get().size() == 5);
  CHECK(posted == Texts{"1000000", "1", "2", "4"});
}

TEST_CASE("a posted task gives up after submit_timeout, and is told so") {
  SessionOptions options;
  options.max_queue_size = 1;
  options.submit_timeout = 30ms;
  Outcomes outcomes;
  Session session = open("delay=value", options);
  session.post(Input(300000), outcomes.next());
  session.post(Input(1), outcomes.next());
  session.post(Input(2), outcomes.next());
  REQUIRE(outcomes.reach(1));
  CHECK(outcomes.get() == Texts{"full"});
  CHECK(session.stats().rejected == 1);
  REQUIRE(outcomes.reach(3));
}

TEST_CASE("posted tasks are withdrawn from the queue and from the line, and are not called back") {
  SessionOptions options;
  options.max_queue_size = 1;
  Outcomes outcomes;
  Session session = open("delay=value", options);
  TaskHandle running = session.post(Input(200000), outcomes.next());
  wait_for_running(session);
  TaskHandle queued = session.post(Input(1), outcomes.next());
  TaskHandle parked = session.post(Input(2), outcomes.next());
  TaskHandle last = session.post(Input(3), outcomes.next());
  CHECK(running.running());
  CHECK_FALSE(running.withdraw());
  CHECK(parked.withdraw());
  CHECK(queued.withdraw());  // its place goes to `last`
  CHECK_FALSE(queued.withdraw());
  CHECK(session.stats().waiting == 1);
  session.close();
  CHECK(outcomes.get() == Texts{"200000", "3"});
  CHECK_FALSE(last.withdraw());
  CHECK_FALSE(TaskHandle().withdraw());
}

TEST_CASE("close refuses what stands in line") {
  SessionOptions options;
  options.max_queue_size = 1;
  Outcomes outcomes;
  Session session = open("delay=value", options);
  session.post(Input(100000), outcomes.next());
  session.post(Input(1), outcomes.next());
  session.post(Input(2), outcomes.next());
  session.close();
  CHECK(outcomes.get() == Texts{"closed", "100000", "1"});
  CHECK_THROWS_AS(session.post(Input(3), outcomes.next()), Closed);
}

TEST_CASE("posted tasks are paced too") {
  SessionOptions options;
  options.enable_pacing = true;
  options.max_queue_size = 100;
  Outcomes outcomes;
  Session session = open("delay_us=10000", options);
  session.run(Input(0));
  const auto start = Clock::now();
  for (int k = 0; k < 10; ++k) session.post(Input(float(k)), outcomes.next());
  REQUIRE(outcomes.reach(10));
  CHECK(ms_since(start) >= 90);
}

TEST_CASE("under random limits and cancellations every accepted task ends exactly once") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  options.max_queue_size = 4;
  Session session = open("jitter_us=800", options);
  Cancellation stop;
  std::atomic<int> called{0}, accepted{0}, refused{0}, withdrawn{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 150; ++k) try {
          RunOptions call = k % 3 ? limited(std::chrono::microseconds(200 + 97 * (k % 13))) : RunOptions{};
          if (k % 2) call.cancellation = stop;
          const auto done = [&](std::vector<Tensor>, std::exception_ptr) { ++called; };
          if (t % 2) {
            session.run_async(Input(0), done, call);
          } else if (session.post(Input(0), done, call).withdraw()) {
            ++withdrawn;
          }
          ++accepted;
        } catch (const Error&) { ++refused; }
    });
  for (int k = 0; k < 20; ++k) {
    std::this_thread::sleep_for(2ms);
    stop.cancel();
    stop.reset();
  }
  for (auto& t : threads) t.join();
  session.close();
  CHECK(called + withdrawn == accepted);
  CHECK(accepted + refused == 600);
  const auto s = session.stats();
  CHECK(s.submitted == s.completed + s.failed + s.cancelled + s.timed_out);
  CHECK(s.delivered == s.submitted);
  CHECK(s.waiting + s.running + s.abandoned + s.waiting_for_room == 0);
}
