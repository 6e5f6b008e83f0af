#include "ez_rknn/options.hpp"
#include "ez_rknn/error.hpp"
#include "fake.hpp"

using namespace fake;
using List = std::vector<OptionScalar>;

namespace {

SessionOptions one(const char* name, OptionValue value) { return parse_options({{name, std::move(value)}}); }

}  // namespace

TEST_CASE("options: what is accepted, and what it means") {
  CHECK(one("layout", "NHWC").layout == Layout::nhwc);
  CHECK(one("Layout", " Original_Software ").layout == Layout::nchw_software);
  CHECK(one("layout", "original").layout == Layout::nchw);
  CHECK(one("zero_copy_layout", "Native").zero_copy_layout == ZeroCopyLayout::native);
  CHECK(one("output_dtype", "native").output_type == OutputType::native);
  CHECK(one("max_queue_size", std::int64_t{5}).max_queue_size == 5);
  CHECK(one("max_queue_size", " 7 ").max_queue_size == 7);
  CHECK(one("max_queue_size", true).max_queue_size == 1);
  CHECK(one("submit_timeout_ms", std::int64_t{250}).submit_timeout == 250ms);
  CHECK_FALSE(one("sequential_callbacks", " Off ").sequential_callbacks);
  CHECK(one("enable_pacing", "YES").enable_pacing);
  CHECK(one("enable_pacing", std::int64_t{2}).enable_pacing);
  CHECK(one("schedule", std::int64_t{2}).schedule == std::vector{2});
  CHECK(one("schedule", "[0, 1,2]").schedule == std::vector{0, 1, 2});
  CHECK(one("schedule", List{std::int64_t{1}, std::string("2"), false}).schedule == std::vector{1, 2, 0});
  CHECK(one("schedule", "Balanced").balanced);
  const std::pair<const char*, std::uint32_t> modes[] = {{"auto", 0}, {"ALL", 0xffff}, {"0", 1},     {" 1", 2},
                                                         {"2", 4},    {"0,1", 3},      {"0,1,2", 7}, {"1,2", 6}};
  for (const auto& [text, mask] : modes) CHECK(one("tp_mode", text).core_mask == mask);
  CHECK(parse_options({{"custom_op_path", "a.so"}, {"custom_op_paths", List{std::string("b.so")}}}).custom_op_paths ==
        std::vector<std::string>{"a.so", "b.so"});
  CHECK(one("custom_op_paths", List{}).custom_op_paths.empty());
  CHECK(one("custom_op_default_path", true).load_custom_ops_from_default_path);
  CHECK(one("runtime", "Auto").runtime.empty());
  CHECK(one("runtime", "/a/b.so").runtime == "/a/b.so");
  CHECK_NOTHROW(one("run_core_mask", "all"));
}

TEST_CASE("options: what is not accepted is named with what is") {
  const std::pair<const char*, OptionValue> wrong[] = {{"layout", "nchwx"},
                                                       {"layout", std::int64_t{1}},
                                                       {"zero_copy_layout", "nchw"},
                                                       {"max_queue_size", "0"},
                                                       {"max_queue_size", "-1"},
                                                       {"max_queue_size", "2.5"},
                                                       {"max_queue_size", "3x"},
                                                       {"max_queue_size", ""},
                                                       {"max_queue_size", "99999999999"},
                                                       {"threads_per_core", "65"},
                                                       {"submit_timeout_ms", "0"},
                                                       {"sequential_callbacks", "maybe"},
                                                       {"schedule", List{}},
                                                       {"schedule", ""},
                                                       {"schedule", "0;1"},
                                                       {"schedule", "a"},
                                                       {"schedule", std::int64_t{3}},
                                                       {"schedule", std::int64_t{-1}},
                                                       {"schedule", std::int64_t{40}},
                                                       {"tp_mode", ""},
                                                       {"tp_mode", "3"},
                                                       {"tp_mode", "0,0"},
                                                       {"tp_mode", "0,"},
                                                       {"tp_mode", std::int64_t{0}},
                                                       {"custom_op_path", true},
                                                       {"runtime", ""},
                                                       {"priority", "4000000000"},
                                                       {"enable_pacing", OtherValue{"None"}},
                                                       {"schedule", OtherValue{"{0}"}}};
  for (const auto& [name, value] : wrong) {
    CAPTURE(name);
    try {
      one(name, value);
      FAIL_CHECK("accepted");
    } catch (const InvalidArgument& e) {
      CHECK(std::string(e.what()).find(std::string("provider option ") + name) == 0);
      CHECK(std::string(e.what()).find("accepted: ") != std::string::npos);
    }
  }
  try {
    one("queue", "1");
    FAIL_CHECK("accepted");
  } catch (const InvalidArgument& e) {
    for (const auto& known : known_options()) CHECK(std::string(e.what()).find(known.name) != std::string::npos);
  }
  CHECK_THROWS_AS(parse_options({{"schedule", "0"}, {"tp_mode", "auto"}}), InvalidArgument);
}

TEST_CASE("options: the struct is checked as well") {
  const auto refused = [](auto&& change) {
    SessionOptions options;
    change(options);
    CHECK_THROWS_AS(validate(options), InvalidArgument);
  };
  refused([](auto& o) { o.max_queue_size = 0; });
  refused([](auto& o) { o.threads_per_core = -1; });
  refused([](auto& o) { o.submit_timeout = 0ms; });
  refused([](auto& o) { o.max_pending_callbacks = 0; });
  refused([](auto& o) { o.schedule = {3}; });
  refused([](auto& o) { o.core_mask = 8; });
  refused([](auto& o) { o.schedule = {0}, o.core_mask = 1; });
  CHECK_NOTHROW(validate(SessionOptions{}));
}
