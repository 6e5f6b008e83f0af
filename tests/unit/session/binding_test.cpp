/// Bound runs: what the runtime is asked, whose results arrive where.

#include "bound.hpp"

using namespace fake;

TEST_CASE("weakness 26: rknn_set_io_mem is called for what changed, and for nothing else") {
  Session session = open(kVector);
  IoBinding binding(session);
  float a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8};
  binding.bind_input("x", Value::borrow(a, ElementType::float32, {1, 4}));
  binding.bind_output("y", Device::cpu);
  session.run(binding);
  CHECK(runtime().calls("set_io_mem") == 2);
  a[0] = 10;
  session.run(binding);  // new numbers in the same places
  CHECK(floats(binding.outputs()[0]) == std::vector<float>{21, 5, 7, 9});
  binding.bind_input("x", Value::borrow(b, ElementType::float32, {1, 4}));
  session.run(binding);  // other host memory is copied to the same staging memory
  CHECK(floats(binding.outputs()[0]) == std::vector<float>{11, 13, 15, 17});
  CHECK(runtime().calls("set_io_mem") == 2);

  Value device = Value::for_port(session, IoKind::input, "x");
  device.write({b, ElementType::float32, {1, 4}});
  binding.bind_input("x", device);
  session.run(binding);
  session.run(binding);
  CHECK(runtime().calls("set_io_mem") == 3);
  CHECK(runtime().calls("create_mem_from_fd") == 1);
  CHECK(device.memory().imports == 1);
  CHECK(floats(binding.outputs()[0]) == std::vector<float>{11, 13, 15, 17});
}

TEST_CASE("weakness 27: bound and normal runs use contexts of their own") {
  Session session = open(kVector);
  CHECK(runtime().live_contexts() == 1);
  IoBinding binding(session);
  float x[4] = {1, 2, 3, 4};
  binding.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  binding.bind_output("y", Device::cpu);
  for (int k = 0; k < 3; ++k) {  // the fake runtime aborts when one context is used both ways
    session.run(binding);
    CHECK(first_of(session.run(Input(9))) == 19);
  }
  CHECK(floats(binding.outputs()[0])[0] == 3);
  CHECK(runtime().live_contexts() == 2);
}

TEST_CASE("weakness 26: bound runs follow the schedule, on one more context a core") {
  SessionOptions options;
  options.schedule = {2, 0, 1};
  Session session = open("compute=core", options);
  IoBinding binding(session);
  float x[4] = {};
  binding.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  binding.bind_output("y", Device::cpu);
  std::vector<float> cores;
  for (int k = 0; k < 6; ++k) {
    session.run(binding);
    cores.push_back(floats(binding.outputs()[0])[0]);
  }
  CHECK(cores == std::vector<float>{4, 1, 2, 4, 1, 2});
  CHECK(runtime().live_contexts() == 6);
}

TEST_CASE("weakness 38: an output bound again is what it was bound to last") {
  Session session = open(kVector);
  IoBinding binding(session);
  float x[4] = {1, 2, 3, 4}, y[4] = {};
  binding.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  binding.bind_output("y", Device::npu);
  session.run(binding);
  CHECK(binding.outputs()[0].device() == Device::npu);
  binding.bind_output("y", Device::cpu);
  session.run(binding);
  REQUIRE(binding.outputs().size() == 1);
  CHECK(binding.outputs()[0].device() == Device::cpu);
  binding.bind_output("y", Value::borrow(y, ElementType::float32, {1, 4}));
  session.run(binding);
  CHECK(y[3] == 9);
  CHECK(binding.outputs()[0].data() == y);
}

TEST_CASE("asynchronous bound runs are a snapshot of the binding, each with results of its own") {
  SessionOptions options;
  options.max_queue_size = 8;
  Session session = open(std::string(kVector) + ";delay_us=3000", options);
  IoBinding binding(session);
  binding.bind_output("y", Device::cpu);
  std::mutex mutex;
  std::vector<float> got;
  std::vector<std::vector<float>> inputs;
  for (int k = 0; k < 6; ++k) inputs.push_back({float(k), 0, 0, 0});
  for (auto& in : inputs) {
    binding.bind_input("x", Value::borrow(in.data(), ElementType::float32, {1, 4}));
    session.run_async(binding, [&](std::vector<Value> values, std::exception_ptr error) {
      std::lock_guard lock(mutex);
      got.push_back(error ? -1 : floats(values.at(0))[0]);
    });
  }
  session.close();
  CHECK(got == std::vector<float>{1, 3, 5, 7, 9, 11});
  CHECK(floats(binding.outputs()[0])[0] == 11);
}

TEST_CASE("errors of a bound run reach its caller and its callback, and the next run is well") {
  Session session = open(std::string(kVector) + ";fail_negative=-2");
  IoBinding binding(session);
  float x[4] = {-1, 0, 0, 0};
  CHECK_THROWS_AS(session.run(binding), InvalidArgument);  // nothing is bound
  binding.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  CHECK_THROWS_AS(session.run(binding), DeviceError);
  std::exception_ptr error;
  std::atomic<bool> done{false};
  session.run_async(binding, [&](std::vector<Value> values, std::exception_ptr e) {
    CHECK(values.empty());
    error = e;
    done = true;
  });
  REQUIRE(eventually([&] { return done.load(); }));
  CHECK_THROWS_AS(std::rethrow_exception(error), DeviceError);
  x[0] = 1;
  session.run(binding);
  CHECK(first_of(session.run(Input(1))) == 3);

  Session other = open(kVector);
  CHECK_THROWS_AS(other.run(binding), InvalidArgument);
  CHECK_THROWS_AS(binding.bind_input("z", Value::allocate(ElementType::float32, {1, 4})), InvalidArgument);
  CHECK_THROWS_AS(binding.bind_input("x", Value::allocate(ElementType::float32, {1, 5})), InvalidArgument);
  CHECK_THROWS_AS(binding.bind_output("y", Value::allocate(ElementType::int8, {1, 4})), InvalidType);
  CHECK_THROWS_AS(binding.bind_input("x", Value()), InvalidArgument);
  CHECK_THROWS_AS(Value::allocate(ElementType::float32, {1, -4}), InvalidArgument);
}

TEST_CASE("where contexts cannot be duplicated, the model is initialised again for bound runs") {
  SessionOptions options;
  options.disable_dup_context = true;
  Session session = open(kVector, options);
  IoBinding binding(session);
  float x[4] = {1, 2, 3, 4};
  binding.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  session.run(binding);
  CHECK(runtime().calls("init") == 2);
  Session refuses = open(std::string(kVector) + ";dup=0");
  IoBinding other(refuses);
  other.bind_input("x", Value::borrow(x, ElementType::float32, {1, 4}));
  CHECK_THROWS_AS(refuses.run(other), Unsupported);
  CHECK(first_of(refuses.run(Input(1))) == 3);
}
