#include "ez_rknn/pipeline.hpp"

#include "fake.hpp"

using namespace fake;

namespace {

float value_of(const std::optional<Pipeline::Outputs>& outputs) { return outputs ? first_of(*outputs) : -1; }

}  // namespace

TEST_CASE("one out for one in once the pipeline is full; flush gives the rest in order") {
  SessionOptions options;
  options.schedule = {0, 1, 2};
  Session session = open("jitter_us=2000", options);
  Pipeline pipeline(session, 3);
  std::vector<float> got;
  for (int k = 0; k < 8; ++k) got.push_back(value_of(pipeline.push(Input(float(k)))));
  CHECK(got == std::vector<float>{-1, -1, -1, 0, 1, 2, 3, 4});
  CHECK(pipeline.size() == 3);
  std::vector<float> rest;
  for (const auto& outputs : pipeline.flush()) rest.push_back(first_of(outputs));
  CHECK(rest == std::vector<float>{5, 6, 7});
  CHECK(pipeline.flush().empty());
  CHECK_FALSE(pipeline.pop());
  CHECK_FALSE(pipeline.push(Input(1)));
  CHECK(value_of(pipeline.pop()) == 1);
}

TEST_CASE("pipelines of one session do not mix") {
  Session session = open("jitter_us=300");
  Pipeline a(session, 1), b(session, 2);
  CHECK_FALSE(a.push(Input(1)));
  CHECK_FALSE(b.push(Input(10)));
  CHECK(value_of(a.push(Input(2))) == 1);
  CHECK_FALSE(b.push(Input(11)));
  CHECK(value_of(b.push(Input(12))) == 10);
  CHECK_FALSE(session.run_pipeline(Input(100), 1));
  CHECK(value_of(a.pop()) == 2);
}

TEST_CASE("flush raises a failed frame's error once and keeps the others") {
  SessionOptions options;
  options.max_queue_size = 10;
  Session session = open("fail_negative=-2", options);
  Pipeline pipeline(session, 5);
  for (float v : {1.0f, 2.0f, -3.0f, 4.0f}) CHECK_FALSE(pipeline.push(Input(v)));
  CHECK_THROWS_AS(pipeline.flush(), DeviceError);
  CHECK(pipeline.size() == 3);
  std::vector<float> rest;
  for (const auto& outputs : pipeline.flush()) rest.push_back(first_of(outputs));
  CHECK(rest == std::vector<float>{1, 2, 4});
}

TEST_CASE("a pipeline that goes leaves nothing in the queue") {
  SessionOptions options;
  options.max_queue_size = 10;
  Session session = open("delay=value", options);
  {
    Pipeline pipeline(session, 5);
    CHECK_FALSE(pipeline.push(Input(100000)));
    for (int k = 0; k < 4; ++k) CHECK_FALSE(pipeline.push(Input(1)));
    REQUIRE(eventually([&] { return session.stats().running == 1; }));
  }
  CHECK(session.stats().waiting == 0);
  CHECK(session.stats().cancelled == 4);
  session.close();
  CHECK(Runtime::get().calls("run") == 1);
}

TEST_CASE("a pipeline owns its options and outlives its session") {
  SessionOptions options;
  std::optional<Pipeline> pipeline;
  {
    Session session = open("outputs=a:1x4:UNDEFINED:f32,b:1x2:UNDEFINED:f32", options);
    {
      const std::vector<int> outputs = {1};
      pipeline.emplace(session, 2, RunOptions{.outputs = outputs});
    }
    CHECK_FALSE(pipeline->push(Input(1)));
    CHECK(pipeline->pop()->size() == 1);
    CHECK_FALSE(pipeline->push(Input(2)));
  }
  CHECK(value_of(pipeline->pop()) == 2);
  CHECK_THROWS_AS(pipeline->push(Input(3)), Closed);
  CHECK_THROWS_AS(Pipeline(open(""), 0), InvalidArgument);
}
