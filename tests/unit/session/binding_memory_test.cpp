/// Bound runs: device memory, descriptors and flags.
#include <sys/mman.h>
#include <unistd.h>

#include "bound.hpp"

using namespace fake;

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
