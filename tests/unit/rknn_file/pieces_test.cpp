/// The small parts of the reader by themselves: BSON, the attribute union, user types, typed access to attributes.
#include <doctest/doctest.h>

#include <limits>

#include "ez_rknn/error.hpp"
#include "flat_builder.hpp"
#include "rknn_file/bson.hpp"
#include "rknn_file/union_attributes.hpp"
#include "rknn_file/user_types.hpp"

using namespace ez_rknn;
using namespace ez_rknn::file;
using namespace ez_rknn::test;

namespace {

/// BSON by hand: element = type, name, value.
FileBytes element(std::uint8_t type, std::string_view name, const FileBytes& value) {
  FileBytes out;
  append(out, type);
  for (const char c : name) append(out, c);
  append(out, '\0');
  out.insert(out.end(), value.begin(), value.end());
  return out;
}
FileBytes document(const std::vector<FileBytes>& elements) {
  FileBytes out(4);
  for (const auto& e : elements) out.insert(out.end(), e.begin(), e.end());
  append(out, '\0');
  const auto n = static_cast<std::int32_t>(out.size());
  std::memcpy(out.data(), &n, 4);
  return out;
}
template <class T>
FileBytes value(T v) {
  FileBytes out;
  append(out, v);
  return out;
}
FileBytes string(std::string_view s) {
  auto out = value(static_cast<std::int32_t>(s.size() + 1));
  for (const char c : s) append(out, c);
  append(out, '\0');
  return out;
}
FileBytes attribute(std::string_view name, std::uint8_t type, const FileBytes& v) {
  return element(3, name, document({element(2, "dtype", string("?")), element(type, "value", v)}));
}

Attributes parse(const FileBytes& bytes) {
  Attributes a;
  Budget budget(bytes.size());
  read_bson_attributes(ByteReader(bytes), budget, a);
  return a;
}

}  // namespace

TEST_CASE("BSON attributes of every type") {
  const auto a = parse(document({
      attribute("group", 16, value(std::int32_t{-7})),
      attribute("big", 18, value(std::int64_t{1} << 40)),
      attribute("flag", 8, value(std::uint8_t{1})),
      attribute("alpha", 1, value(0.5)),
      attribute("mode", 2, string("linear")),
      attribute("pads", 4, document({element(16, "0", value(1)), element(16, "1", value(2))})),
      attribute("reals", 4, document({element(1, "0", value(1.5))})),
      attribute("names", 4, document({element(2, "0", string("a")), element(2, "1", string(""))})),
      attribute("empty", 4, document({})),
  }));
  CHECK_EQ(a.integer("group", 0), -7);
  CHECK_EQ(a.integer("big", 0), std::int64_t{1} << 40);
  CHECK_EQ(a.integer("flag", 0), 1);
  CHECK_EQ(a.real("alpha", 0), 0.5);
  CHECK_EQ(a.text("mode", ""), "linear");
  CHECK_EQ(a.integers("pads"), std::vector<std::int64_t>{1, 2});
  CHECK_EQ(a.real("reals", 0), 1.5);
  CHECK_EQ(std::get<std::vector<std::string>>(a.values.at("names")), std::vector<std::string>{"a", ""});
  CHECK(a.integers("empty", {9}).empty());
}

TEST_CASE("BSON cut anywhere, or with a byte changed, gives attributes or ModelError") {
  auto bytes = document({attribute("mode", 2, string("linear")),
                         attribute("pads", 4, document({element(16, "0", value(1)), element(1, "1", value(2.0))}))});
  CHECK_THROWS_AS(parse(bytes), ModelError);  // a list of mixed types
  bytes = document({attribute("mode", 2, string("linear")), attribute("axis", 16, value(1))});
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK_THROWS_AS(parse({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)}), ModelError);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int v = 0; v < 256; ++v) {
      auto b = bytes;
      b[i] = static_cast<std::byte>(v);
      try {
        parse(b);
      } catch (const ModelError&) { continue; }
    }
}

TEST_CASE("other bytes than a document are not attributes") {
  CHECK(is_bson(ByteReader(document({}))));
  CHECK_FALSE(is_bson(ByteReader()));
  FileBytes stray(16);
  CHECK_FALSE(is_bson(ByteReader(stray)));
  stray[0] = std::byte{16}, stray[4] = std::byte{2};  // seen in OutputOperator of RK3566's files
  CHECK_FALSE(is_bson(ByteReader(stray)));
}

TEST_CASE("attributes are read as the type asked for, where that loses nothing") {
  Attributes a;
  a.values = {{"one", std::vector<std::int64_t>{4}},
              {"i", std::int64_t{3}},
              {"s", std::string("x")},
              {"r", 2.5},
              {"rs", std::vector<double>{0.5}},
              {"two", std::vector<std::int64_t>{1, 2}},
              {"ss", std::vector<std::string>{"y"}}};
  CHECK_EQ(a.integer("one", 0), 4);
  CHECK_EQ(a.integer("absent", 17), 17);
  CHECK_EQ(a.real("i", 0), 3.0);
  CHECK_EQ(a.real("rs", 0), 0.5);
  CHECK_EQ(a.text("ss", ""), "y");
  CHECK_EQ(a.integers("i"), std::vector<std::int64_t>{3});
  CHECK_EQ(a.integers("absent", {5}), std::vector<std::int64_t>{5});
  CHECK_THROWS_AS(a.integer("two", 0), ModelError);
  CHECK_THROWS_AS(a.integer("r", 0), ModelError);
  CHECK_THROWS_AS(a.real("s", 0), ModelError);
  CHECK_THROWS_AS(a.text("i", ""), ModelError);
  CHECK_THROWS_AS(a.integers("s"), ModelError);
}

TEST_CASE("the attribute union fills in what BSON does not say") {
  const auto read_table = [](int tag, const Table& t, Attributes a) {
    FileBytes bytes = flat_buffer(t);
    Budget budget(bytes.size());
    read_union_attributes(tag, FlatTable::root(ByteReader(bytes), "table"), budget, a);
    return a;
  };
  const auto pool = Table().text(0, "NOTSET").scalar(1, 1).ints(3, {2, 3}).ints(4, {0, 1, 0, 1}).ints(6, {2, 2});
  Attributes known;
  known.values = {{"pads", std::vector<std::int64_t>{9}}};
  const auto a = read_table(3, pool, known);
  CHECK_EQ(a.integer("ceil_mode", 0), 1);
  CHECK_EQ(a.integers("kernel_shape"), std::vector<std::int64_t>{2, 3});
  CHECK_EQ(a.integers("pads"), std::vector<std::int64_t>{9});
  CHECK_FALSE(a.has("dilations"));
  CHECK_EQ(read_table(19, Table(), {}).integer("axis", -1), 0);  // a default FlatBuffers leave out
  CHECK_EQ(read_table(9, Table().scalar(0, 0.25f), {}).real("alpha", 0), 0.25);
  CHECK(read_table(200, pool, {}).values.empty());
}

TEST_CASE("user types are read from JSON, as far as it is JSON") {
  const auto t =
      read_user_types(R"({"a\u00e9\"": {"dtype": "int8", "layout": "NHWC"} , "b":{"layout":"NCHW","x":"y"}, "c":{}})");
  REQUIRE_EQ(t.size(), 3);
  CHECK_EQ(t.at("a\xc3\xa9\"").dtype, "int8");
  CHECK_EQ(t.at("b").layout, "NCHW");
  CHECK_EQ(t.at("b").dtype, "");
  CHECK(read_user_types("").empty());
  CHECK(read_user_types("[1]").empty());
  CHECK(read_user_types(R"({"a": {"dtype")").empty());
  CHECK_EQ(read_user_types(R"({"a": {"dtype": "int8"}, "b": 3})").size(), 1);
  CHECK_EQ(read_user_types(R"({"\ud83d\ude00": {}})").begin()->first, "\xf0\x9f\x98\x80");
  CHECK(read_user_types(R"({"\ud83d": {}})").empty());
}
