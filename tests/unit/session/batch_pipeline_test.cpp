#include "fake.hpp"

using namespace fake;

TEST_CASE("run_batch: sample k of every output comes from sample k of the input, over all cores") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  Session session = open("jitter_us=500;outputs=a:1x4:UNDEFINED:f32,b:2x2:UNDEFINED:f32", options);
  std::vector<float> in(20 * 4);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = float(i);
  InputView view{in.data(), ElementType::float32, {20, 4}};
  const auto got = session.run_batch({&view, 1});
  CHECK(to_string(got[0].shape) == "[20, 4]");
  CHECK(to_string(got[1].shape) == "[40, 2]");
  CHECK(std::equal(in.begin(), in.end(), got[0].as<float>().begin()));
  CHECK(std::equal(in.begin(), in.end(), got[1].as<float>().begin()));
  CHECK(session.stats().submitted == 20);
}

TEST_CASE("run_batch: a failing sample is named, the others have run") {
  Session session = open("fail_negative=-2;delay_us=200");
  const float in[] = {1, 0, 0, 0, 2, 0, 0, 0, -3, 0, 0, 0, 4, 0, 0, 0};
  InputView view{in, ElementType::float32, {4, 4}};
  try {
    session.run_batch({&view, 1});
    FAIL("no error");
  } catch (const DeviceError& e) {
    CHECK(e.rknn_ret == -2);
    CHECK(std::string(e.what()).find("sample 2 of 4: rknn_run failed") == 0);
  }
  CHECK(session.stats().completed == 3);
}

TEST_CASE("run_batch: no room in time is an error that names the sample, after the accepted ones are done") {
  SessionOptions options;
  options.max_queue_size = 1;
  options.submit_timeout = 20ms;
  Session session = open("delay_us=200000", options);
  const std::vector<float> in(4 * 4);
  InputView view{in.data(), ElementType::float32, {4, 4}};
  CHECK_THROWS_AS(session.run_batch({&view, 1}), QueueFull);
  CHECK(session.stats().running == 0);
  CHECK(session.stats().completed == 2);
}

TEST_CASE("run_batch: shapes are checked") {
  Session session = open("");
  const std::vector<float> in(64);
  for (const Shape& wrong : {Shape{4}, Shape{0, 4}, Shape{2, 5}, Shape{2, 4, 1}, Shape{}}) {
    InputView view{in.data(), ElementType::float32, wrong};
    CHECK_THROWS_AS(session.run_batch({&view, 1}), InvalidArgument);
  }
  Session pair = open("inputs=x:2x4:UNDEFINED:f32");
  InputView view{in.data(), ElementType::float32, {4, 4}};
  CHECK_THROWS_AS(pair.run_batch({&view, 1}), InvalidArgument);
  Session two = open("inputs=x:1x4:UNDEFINED:f32,y:1x4:UNDEFINED:f32");
  const InputView uneven[] = {{in.data(), ElementType::float32, {2, 4}}, {in.data(), ElementType::float32, {3, 4}}};
  CHECK_THROWS_AS(two.run_batch(uneven), InvalidArgument);
}

TEST_CASE("run_batch on a dynamic model joins what each sample gives") {
  Session session = open("inputs=x:1x4:UNDEFINED:f32;dynamic=1x4|1x8");
  std::vector<float> in(24);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = float(i);
  InputView view{in.data(), ElementType::float32, {3, 8}};
  const auto got = session.run_batch({&view, 1});
  CHECK(to_string(got[0].shape) == "[3, 8]");
  CHECK(std::equal(in.begin(), in.end(), got[0].as<float>().begin()));
}

TEST_CASE("run_pipeline: nothing for `depth` calls, then the oldest; reset and another depth start anew") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  Session session = open("jitter_us=300", options);
  const auto step = [&](float v, int depth, bool reset = false) {
    const auto got = session.run_pipeline(Input(v), depth, reset);
    return got ? first_of(*got) : -1;
  };
  const std::vector<float> first = {step(0, 2), step(1, 2), step(2, 2), step(3, 2), step(4, 2), step(5, 2)};
  CHECK(first == std::vector<float>{-1, -1, 0, 1, 2, 3});
  const std::vector<float> second = {step(10, 2, true), step(11, 2), step(12, 3), step(13, 3),
                                     step(14, 3),       step(15, 3), step(16, 1), step(17, 1)};
  CHECK(second == std::vector<float>{-1, -1, -1, -1, -1, 12, -1, 16});
}

TEST_CASE("run_pipeline: a failed frame raises on the call that returns it; a refused one leaves the window alone") {
  Session session = open("fail_negative=-1");
  CHECK_FALSE(session.run_pipeline(Input(-1), 1));
  CHECK_THROWS_AS(session.run_pipeline(Input(2), 1), DeviceError);
  CHECK_THROWS_AS(session.run_pipeline(Input(3), 0), InvalidArgument);
  CHECK_THROWS_AS(session.run_pipeline({}, 1), InvalidArgument);
  const auto got = session.run_pipeline(Input(4), 1);
  REQUIRE(got);
  CHECK(first_of(*got) == 2);
}
