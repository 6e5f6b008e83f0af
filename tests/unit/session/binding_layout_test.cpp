/// Bound runs: layouts, types and shapes.
#include <sys/mman.h>
#include <unistd.h>

#include <numeric>

#include "bound.hpp"

using namespace fake;

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
