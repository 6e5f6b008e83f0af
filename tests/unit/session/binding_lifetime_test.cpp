/// Bound runs: who may outlive whom, and how they end early.
#include <thread>

#include "bound.hpp"

using namespace fake;

TEST_CASE("sessions, bindings and values may end in any order, and nothing of the runtime is left") {
  const float x[4] = {1, 2, 3, 4};
  for (int order = 0; order < 6; ++order) {
    auto session = std::make_unique<Session>(open(kVector));
    auto value = std::make_unique<Value>(Value::for_port(*session, IoKind::input, "x"));
    auto binding = std::make_unique<IoBinding>(*session);
    value->write({x, ElementType::float32, {1, 4}});
    binding->bind_input("x", *value);
    binding->bind_output("y", Device::npu);
    session->run(*binding);
    Value result = binding->outputs()[0];
    constexpr int kOrders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int what : kOrders[order]) {
      if (what == 0) session.reset();
      if (what == 1) value.reset();
      if (what == 2) binding.reset();
    }
    CHECK(floats(result) == std::vector<float>{3, 5, 7, 9});
    result = {};
    CHECK(runtime().live_memory() == 0);
    CHECK(runtime().live_contexts() == 0);
  }
}

TEST_CASE("a closed session runs no binding and makes no values; its facts still serve") {
  Session session = open(kVector);
  IoBinding binding(session);
  float x[4] = {};
  binding.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  session.close();
  CHECK_THROWS_AS(session.run(binding), Closed);
  CHECK_THROWS_AS(session.run_async(binding, {}), Closed);
  CHECK_THROWS_AS(Value::for_port(session, IoKind::input, "x"), Closed);
  CHECK_THROWS_AS(binding.bind_output("y", Device::npu), Closed);
  binding.clear_inputs();
}

TEST_CASE("bound and normal runs, values made and freed, from several threads at once") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  options.max_queue_size = 16;
  Session session = open(std::string(kVector) + ";jitter_us=300", options);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      IoBinding binding(session);
      binding.bind_output("y", t % 2 ? Device::npu : Device::cpu);
      for (int k = 0; k < 40; ++k) {
        const float x[4] = {float(t * 100 + k), 0, 0, 0};
        if (k % 4 == 3) {
          wrong += first_of(session.run(Input(x[0]))) != 2 * x[0] + 1;
          continue;
        }
        Value in = k % 2 ? Value::for_port(session, IoKind::input, "x") : Value::allocate(ElementType::float32, {1, 4});
        in.write({x, ElementType::float32, {1, 4}});
        binding.bind_input("x", in);
        session.run(binding);
        wrong += floats(binding.outputs()[0])[0] != 2 * x[0] + 1;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(session.stats().completed == 160);
}

TEST_CASE("a bound run whose time is up is let go of, its values live until the runtime has returned") {
  Session session = open(std::string(kVector) + ";delay=value");
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{100'000, 0, 0, 0});
  const std::weak_ptr<std::vector<float>> seen = owner;
  {
    IoBinding binding(session);
    binding.bind_input("x", Value::borrow(owner->data(), ElementType::float32, {1, 4}, owner));
    binding.bind_output("y", Device::cpu);
    owner.reset();
    RunOptions options;
    options.timeout = std::chrono::milliseconds(10);
    CHECK_THROWS_AS(session.run(binding, options), Timeout);
  }
  CHECK_FALSE(seen.expired());
  CHECK(session.stats().abandoned == 1);
  session.close();
  CHECK(seen.expired());
  CHECK(session.stats().abandoned == 0);
}

TEST_CASE("bound runs obey a cancellation") {
  Session session = open(kVector);
  IoBinding binding(session);
  float x[4] = {1, 2, 3, 4};
  binding.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  binding.bind_output("y", Device::cpu);
  RunOptions options;
  options.cancellation.emplace();
  session.run(binding, options);
  options.cancellation->cancel();
  CHECK_THROWS_AS(session.run(binding, options), Cancelled);
  CHECK_THROWS_AS(session.run_async(binding, [](std::vector<Value>, const std::exception_ptr&) {}, options), Cancelled);
  options.cancellation->reset();
  session.run(binding, options);
  CHECK(floats(binding.outputs()[0]) == std::vector<float>{3, 5, 7, 9});
}
