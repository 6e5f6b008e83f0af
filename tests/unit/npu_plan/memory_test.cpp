#include "npu/plan/memory.hpp"

#include <doctest/doctest.h>

#include <random>

#include "ez_rknn/error.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu::plan;

namespace {

Slot map_slot(DType type, Dims shape) {
  Slot s;
  s.dtype = type, s.shape = shape, s.map = true;
  lay_out(s);
  return s;
}

bool lives_overlap(const Storage& a, const Storage& b) { return a.first <= b.last && b.first <= a.last; }
bool bytes_overlap(const Storage& a, const Storage& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

}  // namespace

TEST_CASE("a map is channels-last with pixels of 16 channels") {
  const Slot s = map_slot(DType::f16, {2, 20, 3, 5});
  CHECK_EQ(s.strides, Dims{3 * 5 * 32, 1, 5 * 32, 32});
  CHECK_EQ(s.bytes, 2u * 3 * 5 * 32 * 2);
  CHECK_EQ(s.pixel_bytes(), 64);
  std::byte memory[4096]{};
  std::byte* base[] = {memory};
  Slot placed = s;
  placed.storage = 0, placed.offset = 128;
  CHECK_EQ(placed.writable_image(base, 1).data, memory + 128 + 3 * 5 * 64);
  CHECK_EQ(placed.image(base, 1).row, 5 * 64);
}

TEST_CASE("a map of one image serves every image of a batch") {
  std::byte memory[256]{};
  std::byte* base[] = {memory};
  Slot s = map_slot(DType::i8, {1, 16, 1, 1});
  s.storage = 0;
  CHECK_EQ(s.image(base, 3).data, memory);
}

TEST_CASE("a dense slot keeps the logical order") {
  Slot s;
  s.dtype = DType::i32, s.shape = {4, 3, 2};
  lay_out(s);
  CHECK_EQ(s.strides, Dims{6, 2, 1});
  CHECK_EQ(s.bytes, 96u);
}

TEST_CASE("shapes no memory can hold are refused") {
  Slot s;
  s.dtype = DType::i8;
  for (const Dims& shape : {Dims{1, 0, 3}, Dims{1, -4}, Dims{1 << 30, 1 << 30, 1 << 30}}) {
    s.shape = shape;
    CHECK_THROWS_AS(lay_out(s), ModelError);
  }
  s.map = true;
  s.shape = {1, 1, 1, 1, 1};
  CHECK_THROWS_AS(lay_out(s), ModelError);
  s.shape = {1, std::int64_t{1} << 29, 1, 1};
  CHECK_THROWS_AS(lay_out(s), ModelError);
  s.shape = {1 << 12, 1, 1 << 12, 1 << 12};  // 2^36 elements, sixteen times as many with the padding
  CHECK_THROWS_AS(lay_out(s), ModelError);
}

TEST_CASE("storages that live at the same time never share bytes") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Storage> storages(40);
    std::size_t total = 0;
    for (auto& s : storages) {
      s.bytes = random() % 5000 + 1;
      s.first = int(random() % 60), s.last = s.first + int(random() % 8);
      s.external = random() % 10 == 0;
      if (random() % 10 == 0) s.first = s.last = -1;
      total += align_up(s.bytes);
    }
    const std::size_t arena = place(storages);
    CHECK_LT(arena, total);
    for (const auto& a : storages) {
      if (a.external || a.first < 0) continue;
      CHECK_EQ(a.offset % kAlign, 0u);
      CHECK_LE(a.offset + a.bytes, arena);
      for (const auto& b : storages)
        if (&a != &b && !b.external && b.first >= 0 && lives_overlap(a, b)) CHECK_FALSE(bytes_overlap(a, b));
    }
  }
}

TEST_CASE("a chain of layers needs the two largest neighbours and no more") {
  std::vector<Storage> storages;
  for (int i = 0; i < 6; ++i) storages.push_back({.bytes = 1024, .first = i, .last = i + 1});
  CHECK_EQ(place(storages), 2048u);
}
