/// What a model says, what a call must look like, and how data travels to the runtime.
#include <fstream>
#include <numeric>

#include "fake.hpp"

using namespace fake;

namespace {

const char* const kImage = "inputs=images:1x4x5x3:NHWC:i8;outputs=y:1x60:UNDEFINED:f32";

std::vector<float> counting(std::size_t n) {
  std::vector<float> v(n);
  std::iota(v.begin(), v.end(), 0.0f);
  return v;
}

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& e) { return e.what(); }
  FAIL("nothing of the expected type was thrown");
  return {};
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("shapes follow the layout; only what the runtime calls NHWC is permuted") {
  struct Case {
    Layout layout;
    const char* format;
    Shape shape;
    TensorLayout shown;
  };
  for (const Case& c : {Case{Layout::nchw, "NHWC", {1, 3, 4, 5}, TensorLayout::nchw},
                        Case{Layout::nchw_software, "NHWC", {1, 3, 4, 5}, TensorLayout::nchw},
                        Case{Layout::nhwc, "NHWC", {1, 4, 5, 3}, TensorLayout::nhwc},
                        Case{Layout::any, "NHWC", {1, 4, 5, 3}, TensorLayout::nhwc},
                        Case{Layout::nchw, "NCHW", {1, 4, 5, 3}, TensorLayout::nchw},
                        Case{Layout::nhwc, "NCHW", {1, 5, 3, 4}, TensorLayout::nhwc},
                        Case{Layout::any, "NCHW", {1, 4, 5, 3}, TensorLayout::nchw},
                        Case{Layout::nchw, "UNDEFINED", {1, 4, 5, 3}, TensorLayout::plain}}) {
    SessionOptions options;
    options.layout = c.layout;
    Session session = open("inputs=images:1x4x5x3:" + std::string(c.format) + ":i8", options);
    CHECK(to_string(session.inputs()[0].shape) == to_string(c.shape));
    CHECK(session.inputs()[0].layout == c.shown);
  }
}

TEST_CASE("every layout gives the model the same picture") {
  std::vector<float> nchw = counting(60), nhwc(60);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t p = 0; p < 20; ++p) nhwc[p * 3 + c] = nchw[c * 20 + p];
  const std::vector<double> wide(nchw.begin(), nchw.end());
  for (Layout layout : {Layout::nchw, Layout::nchw_software, Layout::nhwc, Layout::any}) {
    SessionOptions options;
    options.layout = layout;
    Session session = open(kImage, options);
    const bool planar = layout == Layout::nchw || layout == Layout::nchw_software;
    InputView in{planar ? nchw.data() : nhwc.data(), ElementType::float32, session.inputs()[0].shape};
    const auto got = session.run({&in, 1});
    CHECK(std::equal(nhwc.begin(), nhwc.end(), got[0].as<float>().begin()));
    if (!planar) continue;
    in = {wide.data(), ElementType::float64, session.inputs()[0].shape};
    const auto converted = session.run({&in, 1});
    CHECK(std::equal(nhwc.begin(), nhwc.end(), converted[0].as<float>().begin()));
  }
}

TEST_CASE("types: float by default, the model's own on request") {
  const char* script =
      "inputs=a:1x4:UNDEFINED:f32;outputs=q:1x4:UNDEFINED:i8,h:1x4:UNDEFINED:f16,n:1x4:UNDEFINED:i64;scale=0.5;zp=-3";
  Session session = open(script);
  CHECK(session.outputs()[0].type == ElementType::float32);
  CHECK(session.outputs()[0].native_type == ElementType::int8);
  CHECK(session.outputs()[0].quantised);
  CHECK(session.outputs()[0].zero_point == -3);
  CHECK_FALSE(session.outputs()[1].quantised);
  const auto floats = session.run(Input(7));
  for (const Tensor& t : floats) CHECK((t.type == ElementType::float32 && t.as<float>()[0] == 7));
  RunOptions run;
  run.output_type = OutputType::native;
  const auto native = session.run(Input(7), run);
  CHECK(native[0].as<std::int8_t>()[0] == 7 / 0.5 - 3);
  CHECK(native[1].type == ElementType::float16);
  CHECK(native[2].as<std::int64_t>()[0] == 7);
  CHECK(native[2].buffer.bytes == 32);
}

TEST_CASE("outputs can be chosen, reordered and repeated") {
  Session session = open("outputs=a:1x4:UNDEFINED:f32,b:1x2:UNDEFINED:f32");
  const int wanted[] = {1, 0, 1};
  RunOptions run;
  run.outputs = wanted;
  auto got = session.run(Input(9), run);
  REQUIRE(got.size() == 3);
  CHECK(to_string(got[0].shape) == "[1, 2]");
  CHECK(to_string(got[1].shape) == "[1, 4]");
  CHECK(got[0].buffer.data() != got[2].buffer.data());
  CHECK(got[2].as<float>()[0] == 9);
  const int missing[] = {2};
  run.outputs = missing;
  CHECK(contains(message_of<InvalidArgument>([&] { session.run(Input(0), run); }), "\"a\", \"b\""));
}

TEST_CASE("a wrong input is refused before anything runs, saying what was given and what is accepted") {
  Session session = open(kImage);
  Input in(0);
  std::string text = message_of<InvalidArgument>([&] { session.run(in); });
  CHECK(contains(text, "\"images\""));
  CHECK(contains(text, "[1, 4] given"));
  CHECK(contains(text, "[1, 3, 4, 5] accepted"));
  text = message_of<InvalidArgument>([&] { session.run({}); });
  CHECK(contains(text, "0 inputs given, the model takes 1: \"images\""));
  InputView half{in.values, ElementType::bfloat16, {1, 3, 4, 5}};
  CHECK(contains(message_of<InvalidType>([&] { session.run({&half, 1}); }), "bfloat16"));
  InputView nothing{nullptr, ElementType::float32, {1, 3, 4, 5}};
  CHECK_THROWS_AS(session.run_async({&nothing, 1}, {}), InvalidArgument);
  CHECK(Runtime::get().calls("inputs_set") == 0);
}

TEST_CASE("a dynamic model takes each of its shapes, and only those") {
  Session session = open("inputs=x:1x4:UNDEFINED:f32;dynamic=1x4|1x8");
  REQUIRE(session.inputs()[0].dynamic_shapes.size() == 2);
  const auto v = counting(8);
  for (std::int64_t n : {4, 8, 8, 4}) {
    InputView in{v.data(), ElementType::float32, {1, n}};
    const auto got = session.run({&in, 1});
    CHECK(got[0].shape == Shape{1, n});
    CHECK(got[0].as<float>()[static_cast<std::size_t>(n) - 1] == float(n - 1));
  }
  CHECK(Runtime::get().calls("set_input_shapes") == 3);  // not again for the same shape
  InputView in{v.data(), ElementType::float32, {1, 5}};
  CHECK(contains(message_of<InvalidArgument>([&] { session.run({&in, 1}); }), "one of [1, 4], [1, 8]"));
}

TEST_CASE("a dynamic image's shapes are shown and accepted in the caller's order") {
  Session session = open("inputs=x:1x4x4x3:NHWC:f32;dynamic=1x4x4x3|1x2x4x3");
  CHECK(to_string(session.inputs()[0].dynamic_shapes[1]) == "[1, 3, 2, 4]");
  const auto v = counting(24);
  InputView in{v.data(), ElementType::float32, {1, 3, 2, 4}};
  CHECK(session.run({&in, 1})[0].as<float>()[1] == 8);  // second element NHWC: channel 1 of the first pixel
}

TEST_CASE("facts: custom string, versions, runtime, fallback names") {
  Session session =
      open("custom=yolov5s-640;api=2.3.2 (x);driver=0.9.6;inputs=:1x4:UNDEFINED:f32;outputs=:1x4:UNDEFINED:f32");
  CHECK(session.custom_string() == "yolov5s-640");
  CHECK(session.runtime_version() == "2.3.2 (x)");
  CHECK(session.driver_version() == "0.9.6");
  CHECK(contains(session.runtime_path(), "fake_rknnrt"));
  CHECK_FALSE(session.is_software());
  CHECK(session.inputs()[0].name == "input_0");
  CHECK(session.outputs()[0].name == "output_0");
}

TEST_CASE("what is no model never reaches the runtime") {
  SessionOptions options;
  options.runtime = places::fake_runtime;
  Runtime::get().script("");
  const auto load = [&](std::string text) { Session(std::as_bytes(std::span(text)), options); };
  CHECK(contains(message_of<ModelError>([&] { load(""); }), "0 bytes"));
  CHECK(contains(message_of<ModelError>([&] { load("RKN"); }), "3 bytes"));
  CHECK(contains(message_of<ModelError>([&] { load("RKNN"); }), "cut off"));
  CHECK(contains(message_of<ModelError>([&] { load("hello, I am a text file"); }), "68 65 6c 6c"));
  CHECK(contains(message_of<Unsupported>([&] { load("RKNX____________________________"); }), "RKNX"));
  CHECK(contains(message_of<NoSuchFile>([&] { Session("/no/such/model.rknn", options); }), "/no/such/model.rknn"));
  CHECK(contains(message_of<NoSuchFile>([&] { Session("/tmp", options); }), "a directory"));
  CHECK_THROWS_AS(Session("/dev/null", options), NoSuchFile);
  CHECK(Runtime::get().calls("init") == 0);
}

TEST_CASE("a model from a file") {
  const auto path = std::filesystem::temp_directory_path() / ("ez_rknn_test_" + std::to_string(getpid()) + ".rknn");
  const auto bytes = model_bytes();
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  Runtime::get().script("");
  SessionOptions options;
  options.runtime = places::fake_runtime;
  Session session(path.string(), options);
  std::filesystem::remove(path);
  CHECK(first_of(session.run(Input(6))) == 6);
}

TEST_CASE("a failing call names the function, the code and its meaning; outputs are released even then") {
  for (const auto& [fail, name] :
       {std::pair{"fail=inputs_set:-5:1", "rknn_inputs_set failed: RKNN_ERR_PARAM_INVALID (-5)"},
        std::pair{"fail=run:-2:1", "rknn_run failed: RKNN_ERR_TIMEOUT (-2)"},
        std::pair{"fail=outputs_get:-9:1", "rknn_outputs_get failed: RKNN_ERR_OUTPUT_INVALID (-9)"}}) {
    Session session = open(fail);
    CHECK(contains(message_of<DeviceError>([&] { session.run(Input(0)); }), name));
    CHECK(first_of(session.run(Input(4))) == 4);
    CHECK(Runtime::get().calls("outputs_get") == Runtime::get().calls("outputs_release"));
  }
  CHECK(
      contains(message_of<ModelError>([&] { open("fail=init:-6"); }), "rknn_init failed: RKNN_ERR_MODEL_INVALID (-6)"));
}
