#include <algorithm>
#include <mutex>
#include <thread>

#include "fake.hpp"

using namespace fake;

TEST_CASE("ticket k runs on core schedule[k % size], repeats weight the mapping") {
  SessionOptions options;
  options.schedule = {0, 2, 2};
  Session session = open("compute=core", options);
  std::vector<float> masks;
  for (int k = 0; k < 6; ++k) masks.push_back(first_of(session.run(Input(0))));
  CHECK(masks == std::vector<float>{1, 4, 4, 1, 4, 4});
}

TEST_CASE("run, run_async and run_pipeline draw from one sequence of tickets") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  Session session = open("compute=core", options);
  CHECK(first_of(session.run(Input(0))) == 1);
  std::atomic<float> asynchronous{0};
  session.run_async(Input(0), [&](std::vector<Tensor> r, std::exception_ptr) { asynchronous = first_of(r); });
  auto piped = session.submit(Input(0));
  CHECK(first_of(piped.get()) == 4);
  CHECK(eventually([&] { return asynchronous == 2; }));
}

TEST_CASE("a blocking run on an idle core needs no worker thread") {
  Session session = open("");
  for (int k = 0; k < 10; ++k) CHECK(first_of(session.run(Input(float(k)))) == k);
  CHECK(session.stats().ran_on_caller == 10);
}

TEST_CASE("callbacks come in the order of submission under jitter, each exactly once") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  options.threads_per_core = 2;
  Session session = open("jitter_us=2000", options);
  std::vector<float> order;
  for (int k = 0; k < 200; ++k)
    session.run_async(Input(float(k)), [&](std::vector<Tensor> r, std::exception_ptr e) {
      REQUIRE_FALSE(e);
      order.push_back(first_of(r));
    });
  session.close();
  REQUIRE(order.size() == 200);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("without sequential_callbacks a quick task overtakes a slow one") {
  SessionOptions options;
  options.schedule = {0, 1};
  options.sequential_callbacks = false;
  Session session = open("delay=value", options);
  std::vector<float> order;
  for (float us : {200000.0f, 1.0f})
    session.run_async(Input(us), [&](std::vector<Tensor> r, std::exception_ptr) { order.push_back(first_of(r)); });
  session.close();
  CHECK(order == std::vector<float>{1, 200000});
}

TEST_CASE("failures are delivered in order too") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  Session session = open("jitter_us=1000;fail_negative=-2", options);
  std::vector<float> order;
  std::vector<int> codes;
  for (int k = 0; k < 30; ++k) {
    const float sign = k % 3 ? 1.0f : -1.0f;
    session.run_async(Input(sign * float(k + 1)), [&, k](std::vector<Tensor> r, std::exception_ptr error) {
      order.push_back(float(k));
      CHECK((error != nullptr) == (k % 3 == 0));
      CHECK(r.empty() == (k % 3 == 0));
      if (!error) return;
      try {
        std::rethrow_exception(error);
      } catch (const DeviceError& e) { codes.push_back(e.rknn_ret); }
    });
  }
  session.close();
  CHECK(order.size() == 30);
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(codes == std::vector<int>(10, -2));
  CHECK(session.stats().failed == 10);
}

TEST_CASE("one stalled callback: accepted are queue + worker + 8, then QueueFull; after it all are delivered") {
  for (const auto& [script, queue, expected] :
       {std::tuple{"delay_us=30000", 3, 12}, std::tuple{"", 1, 9}, std::tuple{"", 3, 9}, std::tuple{"", 8, 9}}) {
    CAPTURE(script);
    CAPTURE(queue);
    SessionOptions options;
    options.max_queue_size = queue;
    options.submit_timeout = 600ms;
    Session session = open(script, options);
    std::atomic<bool> go{false};
    std::atomic<int> delivered{0};
    int accepted = 0;
    const auto callback = [&](std::vector<Tensor>, std::exception_ptr) {
      while (!go) std::this_thread::sleep_for(1ms);
      ++delivered;
    };
    try {
      for (; accepted < 50; ++accepted) {
        session.run_async(Input(0), callback);
        // an instant model: let the result arrive before the next is tried, so that the count does not depend on luck
        if (!*script) eventually([&] { return session.stats().completed == std::uint64_t(accepted + 1); });
        if (!*script && accepted == 0) eventually([&] { return session.stats().undelivered == 0; });
      }
    } catch (const QueueFull& e) { CHECK(std::string(e.what()).find("600 ms") != std::string::npos); }
    CHECK(accepted == expected);
    CHECK(session.stats().rejected == 1);
    go = true;
    session.close();
    CHECK(delivered == expected);
  }
}

TEST_CASE("a submission waits for room no longer than submit_timeout, and leaves the session working") {
  SessionOptions options;
  options.max_queue_size = 1;
  options.submit_timeout = 50ms;
  Session session = open("delay_us=300000", options);
  std::vector<Future> futures;
  futures.push_back(session.submit(Input(1)));
  futures.push_back(session.submit(Input(2)));
  const auto start = Clock::now();
  CHECK_THROWS_AS(session.submit(Input(3)), QueueFull);
  CHECK(ms_since(start) >= 49);
  CHECK(ms_since(start) < 250);
  CHECK_THROWS_AS(session.run(Input(3)), QueueFull);
  CHECK(first_of(futures[0].get()) == 1);
  CHECK(first_of(futures[1].get()) == 2);
  CHECK(first_of(session.run(Input(4))) == 4);
}

TEST_CASE("a submission that waits proceeds as soon as there is room") {
  SessionOptions options;
  options.max_queue_size = 1;
  Session session = open("delay_us=20000", options);
  const auto start = Clock::now();
  for (int k = 0; k < 10; ++k) session.submit(Input(0));
  session.close();
  CHECK(ms_since(start) < 1000);  // a lost wake-up would cost submit_timeout, ten seconds
}

TEST_CASE("around_waiting wraps a wait for room, and no call that finds some") {
  SessionOptions options;
  options.max_queue_size = 1;
  options.submit_timeout = 20ms;
  int waits = 0;
  options.around_waiting = [&](const std::function<void()>& wait) {
    ++waits;
    wait();
  };
  Session session = open("run=hold", options);
  std::vector<Future> futures;
  for (float k : {1.0f, 2.0f}) futures.push_back(session.submit(Input(k)));
  CHECK(waits == 0);
  CHECK_THROWS_AS(session.submit(Input(3)), QueueFull);
  CHECK(waits == 1);
  Runtime::get().release();
  for (float k : {1.0f, 2.0f}) CHECK(first_of(futures[std::size_t(k) - 1].get()) == k);
}

TEST_CASE("a thread that serves another core's long task does not hold up its own core") {
  SessionOptions options;
  options.schedule = {0, 1};
  options.sequential_callbacks = false;
  Session session = open("delay=value", options);
  for (int round = 0; round < 3; ++round) {
    std::vector<float> order;
    std::atomic<int> seen{0};
    const auto add = [&](float us) {
      session.run_async(Input(us), [&](std::vector<Tensor> r, std::exception_ptr) {
        order.push_back(first_of(r));
        ++seen;
      });
    };
    session.submit(Input(0)).get();  // on core 0, whose thread now looks for more
    add(200000);                     // on core 1
    add(1);                          // on core 0
    CHECK(eventually([&] { return seen == 2; }));
    CHECK(order == std::vector<float>{1, 200000});
    session.submit(Input(0)).get();  // on core 1, so that the next round begins with core 0 again
  }
}

TEST_CASE("run inside a callback works, also with every worker busy and the queue full") {
  SessionOptions options;
  options.max_queue_size = 1;
  Session session = open("delay_us=5000", options);
  std::atomic<int> nested{0};
  for (int k = 0; k < 4; ++k)
    session.run_async(Input(float(k)), [&](std::vector<Tensor> r, std::exception_ptr) {
      const float again = first_of(session.run(Input(100 + first_of(r))));
      if (again == 100 + first_of(r)) ++nested;
    });
  CHECK(eventually([&] { return nested == 4; }));
}

TEST_CASE("run_async inside a callback is not bounded by the callbacks it holds up itself") {
  SessionOptions options;
  options.max_pending_callbacks = 2;
  options.submit_timeout = 200ms;
  Session session = open("", options);
  std::atomic<int> inner{0};
  std::atomic<int> errors{0};
  session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) {
    for (int k = 0; k < 10; ++k) try {
        session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) { ++inner; });
      } catch (const Error&) { ++errors; }
  });
  CHECK(eventually([&] { return inner == 10; }));
  CHECK(errors == 0);
}

TEST_CASE("a slow callback does not delay run") {
  Session session = open("");
  std::atomic<bool> go{false}, began{false};
  session.run_async(Input(0), [&](std::vector<Tensor>, std::exception_ptr) {
    began = true;
    while (!go) std::this_thread::sleep_for(1ms);
  });
  REQUIRE(eventually([&] { return began.load(); }));
  const auto start = Clock::now();
  for (int k = 0; k < 20; ++k) session.run(Input(0));
  CHECK(ms_since(start) < 500);
  go = true;
}

TEST_CASE("balanced gives the next task to the first idle core") {
  SessionOptions options;
  options.balanced = true;
  options.max_queue_size = 12;
  Session session = open("delay=value", options);
  // Under a fixed mapping every third task would wait behind the slow one.
  const auto start = Clock::now();
  std::vector<Future> futures;
  futures.push_back(session.submit(Input(400000)));
  for (int k = 0; k < 9; ++k) futures.push_back(session.submit(Input(10000)));
  for (std::size_t k = 1; k < futures.size(); ++k) futures[k].get();
  CHECK(ms_since(start) < 300);
}

TEST_CASE("pacing sleeps between submissions and does not spin") {
  SessionOptions options;
  options.enable_pacing = true;
  options.max_queue_size = 100;
  options.schedule = {0, 1};
  Session session = open("delay_us=20000", options);
  session.run(Input(0));
  session.run(Input(0));
  timespec before{}, after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  const auto start = Clock::now();
  for (int k = 0; k < 21; ++k) session.submit(Input(0));
  const double elapsed = ms_since(start);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  CHECK(elapsed >= 190);  // 20 gaps of 20 ms / 2 cores
  CHECK(elapsed < 600);
  CHECK(double(after.tv_sec - before.tv_sec) * 1e3 + double(after.tv_nsec - before.tv_nsec) / 1e6 < 0.4 * elapsed);
}

TEST_CASE("many threads: everyone gets the result of their own input") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  Session session = open("jitter_us=300;compute=affine 2 1", options);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 50; ++k) {
        const float v = float(t * 1000 + k);
        if (first_of(session.run(Input(v))) != 2 * v + 1) ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  const auto s = session.stats();
  CHECK(s.submitted == 400);
  CHECK(s.completed == 400);
  CHECK(s.running == 0);
}
