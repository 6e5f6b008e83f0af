#include "npu/plan/tables.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;

namespace {

struct Bytes {
  std::vector<std::byte> all;
  template <class T>
  void put(T v) {
    const auto at = all.size();
    all.resize(at + sizeof v);
    std::memcpy(all.data() + at, &v, sizeof v);
  }
};

file::Graph graph_with(const Bytes& b) {
  file::Graph g;
  g.tensors.emplace_back();
  g.tensors[0].name = "bias", g.tensors[0].kind = file::Kind::constant, g.tensors[0].data = b.all;
  return g;
}

}  // namespace

TEST_CASE("an integer table of groups: bias, OW and MUL of each channel, absent parts taking no space") {
  for (const char* name : {"rk3588", "rk3566"})
    for (int parts = 1; parts < 8; ++parts) {
      CAPTURE(name);
      CAPTURE(parts);
      const Chip& chip = *find_chip(name);
      const TableRef ref{{0, 0}, (parts & 1) != 0, (parts & 2) != 0, (parts & 4) != 0};
      const int channels = 13, group = chip.table_group;
      Bytes b;
      for (int c0 = 0; c0 < channels; c0 += group) {
        for (int c = c0; ref.bias && c < c0 + group; ++c) b.put(std::int32_t(c * 1000 - 5));
        for (int c = c0; ref.ow && c < c0 + group; ++c) b.put(std::int16_t(c - 8));
        for (int c = c0; ref.mul && c < c0 + group; ++c) b.put(std::int16_t(100 + c));
      }
      const auto g = graph_with(b);
      const auto t = plan::read_table(chip, g, ref, channels, false);
      CHECK_EQ(t.bias.size(), ref.bias ? 13u : 0u);
      CHECK_EQ(t.ow.size(), ref.ow ? 13u : 0u);
      CHECK_EQ(t.mul.size(), ref.mul ? 13u : 0u);
      for (std::size_t c = 0; c < 13; ++c) {
        if (ref.bias) CHECK_EQ(t.bias[c], int(c) * 1000 - 5);
        if (ref.ow) CHECK_EQ(t.ow[c], int(c) - 8);
        if (ref.mul) CHECK_EQ(t.mul[c], 100 + int(c));
      }
      CHECK_THROWS_AS(plan::read_table(chip, g, ref, 100, false), ModelError);
    }
}

TEST_CASE("a float table") {
  Bytes b;
  b.put(1.0f);  // not part of the table: it starts at byte 4
  for (int c = 0; c < 8; ++c) b.put(float(c) + 0.5f);
  for (int c = 0; c < 8; ++c) b.put(float_to_half(float(-c)));
  const auto t = plan::read_table(*find_chip("rk3588"), graph_with(b), {{0, 4}, true, false, true}, 8, true);
  CHECK_EQ(t.bias_real[7], 7.5f);
  CHECK_EQ(t.mul_real[7], -7.0f);
  CHECK(t.bias.empty());
}

TEST_CASE("RV1106B: OW bytes stand behind the first half of every eight channels") {
  Bytes b;
  for (int c0 = 0; c0 < 16; c0 += 8)
    for (int half = 0; half < 8; half += 4) {
      for (int c = 0; c < 4; ++c) b.put(std::int32_t(c0 + half + c));
      for (int c = 0; c < 4; ++c) b.put(std::int16_t(50 + c0 + half + c));
      for (int c = 0; half == 0 && c < 8; ++c) b.put(std::int8_t(c == 3 ? -128 : -c));
    }
  CHECK_EQ(b.all.size(), 2u * 56);
  const auto t = plan::read_table(*find_chip("rv1106b"), graph_with(b), {{0, 0}, true, true, true}, 16, false);
  for (std::size_t c = 0; c < 16; ++c) {
    CHECK_EQ(t.bias[c], int(c));
    CHECK_EQ(t.mul[c], 50 + int(c));
    CHECK_EQ(t.ow[c], c % 8 == 3 ? 128 : -int(c % 8));
  }
}

TEST_CASE("a table outside its tensor, or of no tensor, is an error") {
  Bytes b;
  b.put(1);
  const auto g = graph_with(b);
  CHECK_THROWS_AS(plan::read_table(*find_chip("rk3588"), g, {{0, 5}, true, true, true}, 1, false), ModelError);
  CHECK_THROWS_AS(plan::read_table(*find_chip("rk3588"), g, {{1, 0}, true, true, true}, 1, false), ModelError);
  CHECK_THROWS_AS(plan::read_table(*find_chip("rk3588"), g, {{-1, 0}, true, true, true}, 1, false), ModelError);
  auto moving = g;
  moving.tensors[0].kind = file::Kind::internal;
  CHECK_THROWS_AS(plan::read_table(*find_chip("rk3588"), moving, {{0, 0}, true, false, false}, 1, false), Unsupported);
}
