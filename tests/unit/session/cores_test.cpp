/// Chips with fewer cores than asked for.
#include "core/log.hpp"
#include "fake.hpp"

using namespace fake;

namespace {

/// Warnings logged while it lives.
struct Warnings {
  std::vector<std::string> texts;
  Warnings() {
    log::set_sink([this](log::Level, const std::string& t) { texts.push_back(t); });
  }
  ~Warnings() { log::set_sink({}); }
};

std::vector<float> masks(Session& session, int n) {
  std::vector<float> m;
  for (int k = 0; k < n; ++k) m.push_back(first_of(session.run(Input(0))));
  return m;
}

}  // namespace

TEST_CASE("a single-core chip refuses every mask: automatic and core 0 work silently") {
  Warnings warnings;
  SessionOptions options;
  CHECK(masks(*std::make_unique<Session>(open("cores=1;compute=core", options)), 1) == std::vector<float>{0});
  options.schedule = {0};
  CHECK(masks(*std::make_unique<Session>(open("cores=1;compute=core", options)), 1) == std::vector<float>{0});
  CHECK(warnings.texts.empty());
}

TEST_CASE("cores the chip lacks are left out with one warning") {
  Warnings warnings;
  SessionOptions options;
  options.schedule = {0, 1, 2, 2, 1};
  Session session = open("cores=2;compute=core", options);
  CHECK(masks(session, 6) == std::vector<float>{1, 2, 2, 1, 2, 2});
  REQUIRE(warnings.texts.size() == 1);
  CHECK(warnings.texts[0].find("core 2") != std::string::npos);
  CHECK(Runtime::get().live_contexts() == 2);
}

TEST_CASE("a schedule of missing cores only falls back to automatic") {
  Warnings warnings;
  SessionOptions options;
  options.schedule = {1, 2};
  Session session = open("cores=1;compute=core", options);
  CHECK(masks(session, 2) == std::vector<float>{0, 0});
  CHECK(warnings.texts.size() == 1);
}

TEST_CASE("tp_mode: the mask reaches every context; what the chip lacks becomes automatic") {
  SessionOptions options;
  options.core_mask = 7;
  options.threads_per_core = 2;
  Session three = open("compute=core", options);
  CHECK(masks(three, 2) == std::vector<float>{7, 7});
  CHECK(Runtime::get().trace().find("set_core_mask:7 ") != std::string::npos);
  Warnings warnings;
  Session two = open("cores=2;compute=core", options);
  CHECK(masks(two, 2) == std::vector<float>{0, 0});
  CHECK(warnings.texts.size() == 1);
  options.core_mask = 0xffff;
  CHECK(masks(*std::make_unique<Session>(open("compute=core", options)), 1) == std::vector<float>{65535});
}

TEST_CASE("balanced takes the cores there are, without a warning") {
  Warnings warnings;
  SessionOptions options;
  options.balanced = true;
  Session session = open("cores=2", options);
  CHECK(Runtime::get().live_contexts() == 2);
  CHECK(warnings.texts.empty());
}

TEST_CASE("contexts are duplicated, unless it is disabled or refused") {
  SessionOptions options;
  options.threads_per_core = 3;
  {
    Session session = open("", options);
    CHECK(Runtime::get().calls("dup_context") == 2);
    CHECK(Runtime::get().calls("init") == 1);
  }
  {
    Session session = open("dup=0", options);
    CHECK(Runtime::get().calls("init") == 3);
  }
  options.disable_dup_context = true;
  Session session = open("", options);
  CHECK(Runtime::get().calls("dup_context") == 0);
  CHECK(Runtime::get().calls("init") == 3);
}
