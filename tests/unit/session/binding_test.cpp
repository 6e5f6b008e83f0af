/// Bound runs: what the runtime is asked, what arrives where, who may outlive whom.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <numeric>
#include <thread>

#include "ez_rknn/binding.hpp"
#include "fake.hpp"

using namespace fake;

namespace {

const char* const kVector = "inputs=x:1x4:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32;compute=affine 2 1";
/// 4x5 pixels of 3 channels in, the same out in the interface's NCHW order.
const char* const kImage = "inputs=x:1x4x5x3:NHWC:i8;outputs=y:1x3x4x5:NCHW:i8;scale=0.5;zp=3";

std::vector<float> floats(const Value& v) {
  const Tensor t = v.read();
  return {t.as<float>().begin(), t.as<float>().end()};
}

std::vector<std::int8_t> bytes(const Value& v) {
  const Tensor t = v.read();
  return {t.as<std::int8_t>().begin(), t.as<std::int8_t>().end()};
}

/// 60 numbers, every one different, as the runtime's own order (NHWC) and as the caller's (NCHW).
struct Pixels {
  std::vector<std::int8_t> nhwc, nchw;
  Pixels() : nhwc(60), nchw(60) {
    std::iota(nhwc.begin(), nhwc.end(), std::int8_t{0});
    for (std::size_t p = 0; p < 20; ++p)
      for (std::size_t c = 0; c < 3; ++c) nchw[c * 20 + p] = nhwc[p * 3 + c];
  }
  InputView view() const { return {nchw.data(), ElementType::int8, {1, 3, 4, 5}}; }
  Value value() { return Value::borrow(nchw.data(), ElementType::int8, {1, 3, 4, 5}); }
};

Runtime& runtime() { return Runtime::get(); }

}  // namespace

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

TEST_CASE("images arrive in the model's layout, whatever that is, and results in the caller's") {
  Pixels pixels;
  for (const char* form : {"", ";c2=2", ";c2=16", ";row_padding=3"})
    for (ZeroCopyLayout layout : {ZeroCopyLayout::nhwc, ZeroCopyLayout::native}) {
      CAPTURE(form);
      SessionOptions options;
      options.zero_copy_layout = layout;
      Session session = open(std::string(kImage) + form, options);
      IoBinding binding(session);
      binding.bind_output("y", Device::cpu);
      Value device = Value::for_port(session, IoKind::input, "x");
      device.write(pixels.view());
      CHECK(bytes(device) == pixels.nchw);
      for (const Value& in : {device, pixels.value()}) {
        binding.bind_input("x", in);
        session.run(binding);  // output element k is input element k, both in their own order
        CHECK(bytes(binding.outputs()[0]) == pixels.nhwc);
        CHECK(binding.outputs()[0].quantisation() == Quantisation{0.5f, 3});
      }
      CHECK(device.memory().imports == 1);
    }
}

TEST_CASE("real values: the runtime quantises what is not of the model's own type") {
  Pixels pixels;
  std::vector<float> real(60), same(60);
  std::vector<double> wide(60);
  for (std::size_t i = 0; i < 60; ++i) wide[i] = real[i] = (float(pixels.nchw[i]) - 3) * 0.5f;
  Session session = open(std::string(kImage) + ";row_padding=2");
  IoBinding binding(session);
  binding.bind_output("y", Device::cpu, ElementType::float32);
  for (const Value& in : {Value::borrow(real.data(), ElementType::float32, {1, 3, 4, 5}),
                          Value::borrow(wide.data(), ElementType::float64, {1, 3, 4, 5})}) {
    binding.bind_input("x", in);
    session.run(binding);
    for (std::size_t i = 0; i < 60; ++i) same[i] = (float(pixels.nhwc[i]) - 3) * 0.5f;
    CHECK(floats(binding.outputs()[0]) == same);
  }
  PortOptions as_float;
  as_float.type = ElementType::float32;
  Value device = Value::for_port(session, IoKind::input, "x", as_float);
  device.write({real.data(), ElementType::float32, {1, 3, 4, 5}});
  Value out = Value::for_port(session, IoKind::output, "y", as_float);
  binding.bind_input("x", device);
  binding.bind_output("y", out);
  session.run(binding);
  CHECK(floats(out) == same);
  CHECK((device.memory().imports == 1 && out.memory().imports == 1));
}

TEST_CASE("one session's output is another's input: in place when the layouts agree, converted when not") {
  Pixels pixels;
  const std::string first = "inputs=x:1x4x5x3:NHWC:i8;outputs=y:1x3x4x5:NCHW:i8;scale=0.5;zp=3;c2=16";
  const std::string second = "inputs=x:1x4x5x3:NHWC:i8;outputs=z:1x60:UNDEFINED:f32;c2=16;";
  SessionOptions native;
  native.zero_copy_layout = ZeroCopyLayout::native;
  struct Case {
    const char* quantisation;
    SessionOptions options;
    bool in_place;
  };
  for (const Case& c : {Case{"scale=0.5;zp=3", native, true}, Case{"scale=0.5;zp=3", {}, true},
                        Case{"scale=0.25;zp=-10", native, false}}) {
    Session a = open(first, native);
    Session b = open(second + c.quantisation, c.options);
    Value between = Value::for_port(a, IoKind::output, "y");
    IoBinding to_b(b), from_a(a);
    from_a.bind_input("x", pixels.value());
    from_a.bind_output("y", between);
    to_b.bind_input("x", between);
    to_b.bind_output("z", Device::cpu);
    a.run(from_a);
    b.run(to_b);
    CHECK(between.memory().imports == (c.in_place ? 2 : 1));
    // y is NCHW and counts like x's NHWC; b reads it as the NHWC of its own input.
    const auto z = floats(to_b.outputs()[0]);
    for (std::size_t p = 0; p < 20; ++p)
      for (std::size_t ch = 0; ch < 3; ++ch) REQUIRE(z[p * 3 + ch] == (float(pixels.nhwc[ch * 20 + p]) - 3) * 0.5f);
  }
}

TEST_CASE("memory behind a descriptor is checked against the file, and used where it lies") {
  const int fd = memfd_create("test", MFD_CLOEXEC);
  REQUIRE(ftruncate(fd, 64) == 0);
  Session session = open(kVector);
  ForeignMemory memory;
  memory.fd = fd;
  memory.offset = 32;
  Value in = Value::for_port(session, IoKind::input, "x", memory);
  const float x[4] = {4, 3, 2, 1};
  REQUIRE(pwrite(fd, x, sizeof x, 32) == sizeof x);
  IoBinding binding(session);
  binding.bind_input("x", in);
  memory.offset = 0;
  binding.bind_output("y", Value::for_port(session, IoKind::output, "y", memory));
  session.run(binding);
  float y[4];
  REQUIRE(pread(fd, y, sizeof y, 0) == sizeof y);
  CHECK(y[0] == 9);
  CHECK(runtime().calls("create_mem_from_fd") == 2);

  memory.offset = 52;
  CHECK_THROWS_AS(Value::for_port(session, IoKind::input, "x", memory), InvalidArgument);  // 12 bytes are left
  memory.offset = 8;
  memory.bytes = 64;
  CHECK_THROWS_AS(Value::for_port(session, IoKind::input, "x", memory), InvalidArgument);  // beyond the end
  memory.bytes = 16;
  memory.offset = 2;
  CHECK_THROWS_AS(Value::for_port(session, IoKind::input, "x", memory), InvalidArgument);  // no multiple of 4
  memory.offset = 0;
  memory.fd = -1;
  CHECK_THROWS_AS(Value::from_fd(ElementType::float32, {4}, memory), InvalidArgument);
  const int closed = dup(fd);
  close(closed);
  memory.fd = closed;
  CHECK_THROWS_AS(Value::from_fd(ElementType::float32, {4}, memory), InvalidArgument);
  close(fd);  // the values have duplicates
  session.run(binding);
}

TEST_CASE("a decoder's image: NHWC with padded rows goes in as real values, without a copy where the rows agree") {
  const int fd = memfd_create("image", MFD_CLOEXEC);
  REQUIRE(ftruncate(fd, 4 * 8 * 3) == 0);
  std::vector<std::uint8_t> rows(96, 99);
  for (std::size_t y = 0; y < 4; ++y)
    for (std::size_t k = 0; k < 15; ++k) rows[y * 24 + k] = static_cast<std::uint8_t>(y * 15 + k);
  REQUIRE(pwrite(fd, rows.data(), rows.size(), 0) == 96);
  ForeignMemory memory;
  memory.fd = fd;
  PortOptions options;
  options.type = ElementType::uint8;
  options.form = {MemoryForm::Order::nhwc, 8, 0};
  for (int padding : {3, 0}) {
    Session session = open(std::string(kImage) + ";row_padding=" + std::to_string(padding));
    Value image = Value::for_port(session, IoKind::input, "x", memory, options);
    CHECK(to_string(image.memory().strides) == "[96, 1, 24, 3]");
    IoBinding binding(session);
    binding.bind_input("x", image);
    binding.bind_output("y", Device::cpu, ElementType::float32);
    session.run(binding);
    const auto y = floats(binding.outputs()[0]);
    for (std::size_t k = 0; k < 60; ++k) REQUIRE(y[k] == float(k));
    CHECK(image.memory().imports == (padding == 3 ? 1 : 0));
  }
  close(fd);
}

TEST_CASE("memory flags reach rknn_create_mem2; memory without a descriptor is copied") {
  for (const MemoryFlags flags : {MemoryFlags::cacheable, MemoryFlags::non_cacheable, MemoryFlags::try_sram}) {
    Session session = open(kVector);
    PortOptions options;
    options.flags = flags;
    Value::for_port(session, IoKind::input, "x", options);
    // A machine with a dma heap takes memory from there, but for SRAM.
    if (runtime().calls("create_mem2"))
      CHECK(runtime().trace().find("create_mem2:" + std::to_string(int(flags))) != std::string::npos);
  }
  Session session = open(std::string(kVector) + ";memory_fd=0");
  Value in = Value::for_port(session, IoKind::input, "x"), out = Value::for_port(session, IoKind::output, "y");
  if (in.memory().fd >= 0) return;
  const float x[4] = {1, 2, 3, 4};
  in.write({x, ElementType::float32, {1, 4}});
  IoBinding binding(session);
  binding.bind_input("x", in);
  binding.bind_output("y", out);
  session.run(binding);
  CHECK(floats(out) == std::vector<float>{3, 5, 7, 9});
  CHECK(runtime().calls("create_mem_from_fd") == 0);
}

TEST_CASE("a runtime that refuses to import memory has it copied") {
  Session session = open(std::string(kVector) + ";fail=create_mem_from_fd:-1");
  Value in = Value::for_port(session, IoKind::input, "x");
  const float x[4] = {1, 2, 3, 4};
  in.write({x, ElementType::float32, {1, 4}});
  IoBinding binding(session);
  binding.bind_input("x", in);
  binding.bind_output("y", Device::cpu);
  session.run(binding);
  session.run(binding);
  CHECK(floats(binding.outputs()[0])[3] == 9);
  CHECK(in.memory().imports == 0);
  CHECK(runtime().calls("create_mem_from_fd") == 1);  // it is not asked again
}

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

TEST_CASE("values that are gone are no longer imported after the next bound run") {
  Session session = open(kVector);
  IoBinding binding(session);
  binding.bind_output("y", Device::cpu);
  const float x[4] = {1, 2, 3, 4};
  for (int k = 0; k < 5; ++k) {
    Value fresh = Value::for_port(session, IoKind::input, "x");
    fresh.write({x, ElementType::float32, {1, 4}});
    binding.bind_input("x", fresh);
    session.run(binding);
  }
  if (runtime().calls("create_mem2") > 1) CHECK(runtime().live_memory() == 3);  // the value, its import, y's staging
  else CHECK(runtime().live_memory() == 2);
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

TEST_CASE("dynamic shapes: memory is bound anew for each, and fresh outputs have the shape of the run") {
  Session session = open("inputs=x:1x4:UNDEFINED:f32;outputs=y:1x4:UNDEFINED:f32;dynamic=1x4|1x8");
  IoBinding binding(session);
  std::vector<float> x(8);
  std::iota(x.begin(), x.end(), 0.0f);
  binding.bind_output("y", Device::cpu);
  for (std::int64_t n : {4, 8, 4}) {
    binding.bind_input("x", Value::borrow(x.data(), ElementType::float32, {1, n}));
    session.run(binding);
    CHECK(binding.outputs()[0].shape() == Shape{1, n});
    CHECK(floats(binding.outputs()[0]).back() == float(n - 1));
  }
  float small[4];
  binding.bind_output("y", Value::borrow(small, ElementType::float32, {1, 4}));
  session.run(binding);
  CHECK(small[3] == 3);
  binding.bind_input("x", Value::borrow(x.data(), ElementType::float32, {1, 8}));
  CHECK_THROWS_AS(session.run(binding), InvalidArgument);
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
