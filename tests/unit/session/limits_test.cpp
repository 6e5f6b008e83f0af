/// Sizes, counts and times at the ends of what their types can say.
#include <sys/mman.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <thread>

#include "bound.hpp"
#include "session/buffer_pool.hpp"

using namespace fake;

namespace {

constexpr std::int64_t kMost = INT64_MAX;

/// Shapes whose product is more than 64 bits hold, or wraps to the model's own 4 elements.
const Shape kTooMany[] = {{kMost, 4},     {kMost, kMost}, {std::int64_t{1} << 62, 4}, {(std::int64_t{1} << 62) + 1, 4},
                          {INT64_MIN, 4}, {-1, -4}};

}  // namespace

TEST_CASE("the number of elements does not wrap") {
  CHECK(Shape{1, 4}.elements() == 4);
  CHECK(Shape{}.elements() == 1);
  CHECK(Shape{(std::int64_t{1} << 62) + 1, 4}.elements() == kMost);  // 4, in 64 bits
  CHECK(Shape{kMost, kMost, 2, 2}.elements() == kMost);
  CHECK(Shape{kMost, kMost, 0}.elements() == 0);
  CHECK(Shape{std::int64_t{1} << 31, std::int64_t{1} << 31}.elements() == std::int64_t{1} << 62);
}

TEST_CASE("shapes whose product overflows are refused by every kind of call, and nothing is queued") {
  Session session = open("");
  const float x[4] = {};
  for (const Shape& shape : kTooMany) {
    const InputView in{x, ElementType::float32, shape};
    CHECK_THROWS_AS(session.run({&in, 1}), InvalidArgument);
    CHECK_THROWS_AS(session.run({&in, 1}, limited(1s)), InvalidArgument);
    CHECK_THROWS_AS(session.submit({&in, 1}), InvalidArgument);
    CHECK_THROWS_AS(session.run_async({&in, 1}, [](std::vector<Tensor>, std::exception_ptr) {}), InvalidArgument);
    CHECK_THROWS_AS(session.run_batch({&in, 1}), InvalidArgument);
    const InputView nothing{nullptr, ElementType::float32, shape};
    CHECK_THROWS_AS(session.run({&nothing, 1}), InvalidArgument);
  }
  CHECK(session.stats().submitted == 0);
  CHECK(first_of(session.run(Input(7))) == 7);
}

TEST_CASE("a batch whose outputs no memory holds is out of memory, and the session goes on") {
  Session session = open("");
  const float x[4] = {};
  const InputView in{x, ElementType::float32, {std::int64_t{1} << 60, 4}};  // outputs of 2^64 bytes
  CHECK_THROWS_AS(session.run_batch({&in, 1}), std::bad_alloc);
  CHECK(session.stats().submitted == 0);
  CHECK(first_of(session.run(Input(7))) == 7);
}

TEST_CASE("the greatest queue, number of callbacks and times are accepted and mean it") {
  SessionOptions options;
  options.max_queue_size = options.max_pending_callbacks = INT_MAX;
  options.submit_timeout = options.close_timeout = std::chrono::milliseconds::max();
  options.schedule = {0};
  Session session = open("run=hold", options);
  std::vector<Future> futures;
  for (int k = 0; k < 5000; ++k) futures.push_back(session.submit(Input(float(k))));  // waits for no room
  CHECK(session.stats().waiting == 4999);
  Runtime::get().release();
  for (int k = 0; k < 5000; ++k) CHECK(first_of(futures[std::size_t(k)].get()) == float(k));
  CHECK(session.close());
}

// Guards against a time limit that wraps into the past and ends the wait for room at once.
TEST_CASE("the longest wait for room is one") {
  SessionOptions options;
  options.max_queue_size = 1;
  options.submit_timeout = std::chrono::milliseconds::max();
  options.schedule = {0};
  Session session = open("run=hold", options);
  std::vector<Future> futures;
  for (int k = 0; k < 2; ++k) futures.push_back(session.submit(Input(float(k))));
  std::atomic<int> got{-1};
  std::thread third([&] {
    try {
      got = int(first_of(session.submit(Input(2)).get()));
    } catch (const Error&) { got = -2; }
  });
  CHECK(eventually([&] { return session.stats().waiting_for_room == 1; }));
  Runtime::get().release();
  third.join();
  CHECK(got == 2);
}

TEST_CASE("values: shapes and strides whose bytes overflow are refused") {
  for (const Shape& shape : kTooMany) {
    CHECK_THROWS_AS(Value::allocate(ElementType::float32, shape), InvalidArgument);
    CHECK_THROWS_AS(Value::on_device(ElementType::float32, shape), InvalidArgument);
    float x = 0;
    CHECK_THROWS_AS(Value::borrow(&x, ElementType::float32, shape), InvalidArgument);
  }
  const int fd = memfd_create("test", MFD_CLOEXEC);
  REQUIRE(fd >= 0);
  REQUIRE(ftruncate(fd, 4096) == 0);
  ForeignMemory memory;
  memory.fd = fd;
  for (const std::int64_t stride : {kMost, std::int64_t{1} << 62, std::int64_t{1} << 58, std::int64_t{1} << 50}) {
    MemoryForm rows{MemoryForm::Order::nhwc, stride, 0}, images{MemoryForm::Order::nhwc, 0, stride};
    CHECK_THROWS_AS(Value::from_fd(ElementType::float32, {1, 4, 4, 4}, memory, rows), InvalidArgument);
    CHECK_THROWS_AS(Value::from_fd(ElementType::float32, {1, 4, 4, 4}, memory, images), InvalidArgument);
    MemoryForm both{MemoryForm::Order::nhwc, stride, stride};
    CHECK_THROWS_AS(Value::from_fd(ElementType::float32, {1, 4, 4, 4}, memory, both), InvalidArgument);
  }
  close(fd);
}

TEST_CASE("buffers kept for reuse are bounded, whatever sizes are asked for") {
  const auto pool = std::make_shared<BufferPool>(8);
  for (std::size_t k = 1; k <= 40; ++k) pool->take(k << 20);  // as batches of 1 to 40 samples would: 820 MiB
  CHECK(pool->kept() <= BufferPool::kMostBytes);
  { const Buffer most = pool->take(BufferPool::kMostBytes + 1); }
  CHECK(pool->kept() <= BufferPool::kMostBytes);
  for (std::size_t k = 1; k <= 1000; ++k) pool->take(k);
  CHECK(pool->kept() <= BufferPool::kMostBytes);
  const std::byte* place = pool->take(64).data();
  CHECK(pool->take(64).data() == place);  // and are reused
}
