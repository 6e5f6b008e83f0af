#include "npu/plan/weights.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <numeric>
#include <random>

#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu::plan;

namespace {

using Plain = std::function<int(int o, int i, int y, int x)>;

/// Packs as the compiler does: the native shape's nesting, filler where the convolution has no weight.
struct Packed {
  std::vector<std::byte> bytes;
  file::Tensor tensor;
};

Packed pack(DType type, std::vector<std::int32_t> native, int out_c, int in_c, const Plain& w) {
  Packed p;
  const auto put = [&](int v) {
    if (type == DType::i8) {
      p.bytes.push_back(std::byte(v));
    } else if (type == DType::i4) {
      static bool low = true;
      if (low) p.bytes.push_back(std::byte(v & 15));
      else p.bytes.back() |= std::byte((v & 15) << 4);
      low = !low;
    } else {
      const auto raw = type == DType::f16 ? float_to_half(float(v)) : std::uint16_t(v);
      p.bytes.push_back(std::byte(raw & 255)), p.bytes.push_back(std::byte(raw >> 8));
    }
  };
  int oc0 = 0;
  for (std::size_t k = 0; k < native.size();) {
    std::size_t end = k + 6;
    while (end < native.size() && native[end + 4] == native[k + 4] && native[end + 5] < native[k + 5]) end += 6;
    for (int g = 0; g < native[k]; ++g, oc0 += native[k + 4]) {
      int ic0 = 0;
      for (std::size_t part = k; part < end; part += 6)
        for (int b = 0; b < native[part + 1]; ++b, ic0 += native[part + 5])
          for (int y = 0; y < native[k + 2]; ++y)
            for (int x = 0; x < native[k + 3]; ++x)
              for (int o = 0; o < native[k + 4]; ++o)
                for (int i = 0; i < native[part + 5]; ++i)
                  put(oc0 + o < out_c && ic0 + i < in_c ? w(oc0 + o, ic0 + i, y, x) : 7);
    }
    k = end;
  }
  p.tensor.name = "w", p.tensor.dtype = type, p.tensor.layout = file::Layout::weight;
  p.tensor.native_shape = std::move(native);
  return p;
}

int pattern(int o, int i, int y, int x) { return (o * 31 + i * 7 + y * 3 + x) % 15 - 7; }

void check_dense(DType type, std::vector<std::int32_t> native, int out_c, int in_c, int kh, int kw) {
  CAPTURE(name_of(type));
  CAPTURE(out_c);
  CAPTURE(in_c);
  Packed p = pack(type, std::move(native), out_c, in_c, pattern);
  p.tensor.data = p.bytes;
  const auto plain = dense_weights(p.tensor, out_c, in_c, kh, kw, 0);
  const bool real = type == DType::f16 || type == DType::i4;
  REQUIRE_EQ(real ? plain.reals.size() : plain.integers.size(), std::size_t(out_c * in_c * kh * kw));
  std::size_t at = 0, wrong = 0;
  for (int o = 0; o < out_c; ++o)
    for (int i = 0; i < in_c; ++i)
      for (int y = 0; y < kh; ++y)
        for (int x = 0; x < kw; ++x, ++at)
          wrong += (real ? int(plain.reals[at]) : plain.integers[at]) != pattern(o, i, y, x);
  CHECK_EQ(wrong, 0u);
  p.tensor.data = p.tensor.data.first(p.bytes.size() / 2);
  CHECK_THROWS_AS(dense_weights(p.tensor, out_c, in_c, kh, kw, 0), ModelError);
}

}  // namespace

TEST_CASE("dense weights of every chip's group sizes, with tails of output and input channels") {
  check_dense(DType::i8, {1, 1, 3, 3, 12, 16}, 12, 3, 3, 3);
  check_dense(DType::i8, {2, 2, 1, 1, 32, 32, 2, 1, 1, 1, 32, 16, 1, 2, 1, 1, 8, 32, 1, 1, 1, 1, 8, 16}, 71, 79, 1, 1);
  check_dense(DType::f16, {1, 1, 2, 2, 16, 32, 1, 1, 2, 2, 16, 16, 1, 1, 2, 2, 8, 32, 1, 1, 2, 2, 8, 16}, 24, 48, 2, 2);
  check_dense(DType::i16, {3, 1, 1, 1, 8, 16}, 24, 16, 1, 1);
  check_dense(DType::i4, {1, 1, 3, 3, 16, 32}, 16, 3, 3, 3);
}

TEST_CASE("row-packed weights: each row of a kernel is padded to the pitch") {
  Packed p;
  p.tensor.name = "w", p.tensor.dtype = DType::i8, p.tensor.native_shape = {1, 1, 3, 3, 16, 4};
  for (int y = 0; y < 3; ++y)
    for (int o = 0; o < 16; ++o)
      for (int k = 0; k < 16; ++k) p.bytes.push_back(std::byte(k < 12 && k % 4 < 3 ? pattern(o, k % 4, y, k / 4) : 9));
  p.tensor.data = p.bytes;
  const auto plain = dense_weights(p.tensor, 10, 3, 3, 3, 16).integers;
  std::size_t at = 0;
  for (int o = 0; o < 10; ++o)
    for (int i = 0; i < 3; ++i)
      for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 3; ++x, ++at) CHECK_EQ(plain[at], pattern(o, i, y, x));
  CHECK_THROWS_AS(dense_weights(p.tensor, 10, 3, 3, 3, 8), ModelError);
  CHECK_THROWS_AS(dense_weights(p.tensor, 17, 3, 3, 3, 16), ModelError);
}

TEST_CASE("depthwise weights: groups, the tuple without groups, and offsets folded in") {
  std::vector<std::byte> bytes;
  for (int y = 0; y < 9; ++y)
    for (int c = 0; c < 32; ++c) bytes.push_back(std::byte(pattern(c, 0, y / 3, y % 3)));
  file::Tensor t;
  t.name = "dw", t.dtype = DType::i8, t.native_shape = {1, 0, 3, 3, 1, 64, 1, 1, 3, 3, 1, 32}, t.data = bytes;
  std::vector<std::int32_t> ow(24);
  std::iota(ow.begin(), ow.end(), -100);
  const auto w = depthwise_weights(t, 24, 3, 3, 0, ow);
  CHECK(w.ow.empty());
  for (int c = 0; c < 24; ++c)
    for (int k = 0; k < 9; ++k)
      CHECK_EQ(w.weights.integers[std::size_t(c * 9 + k)], pattern(c, 0, k / 3, k % 3) + ow[std::size_t(c)]);
  CHECK_THROWS_AS(depthwise_weights(t, 40, 3, 3, 0, {}), ModelError);
}

TEST_CASE("paired depthwise weights: runs of weights and offsets, -128 meaning 128") {
  for (int unit : {1, 2, 8}) {
    CAPTURE(unit);
    std::vector<std::byte> bytes;
    const auto offset = [](int c) { return c == 5 ? -128 : c * 3 - 20; };
    for (int k = 0; k < 4; ++k)
      for (int c = 0; c < 16; c += unit) {
        for (int j = 0; j < unit; ++j) bytes.push_back(std::byte(pattern(c + j, 0, k, 0)));
        for (int j = 0; j < unit; ++j) bytes.push_back(std::byte(offset(c + j)));
      }
    file::Tensor t;
    t.name = "dw", t.dtype = DType::i8, t.native_shape = {1, 1, 2, 2, 1, 16}, t.data = bytes;
    const auto w = depthwise_weights(t, 16, 2, 2, unit, {});
    for (int c = 0; c < 16; ++c)
      for (int k = 0; k < 4; ++k)
        CHECK_EQ(w.weights.integers[std::size_t(c * 4 + k)], pattern(c, 0, k, 0) + (c == 5 ? 128 : offset(c)));
  }
}

TEST_CASE("16-bit offsets that do not fold stay apart") {
  const std::int16_t raw[] = {32000, 100, 30000, 30000};  // weight, offset, weight, offset
  file::Tensor t;
  t.name = "dw", t.dtype = DType::i16, t.native_shape = {1, 1, 1, 1, 1, 2}, t.data = std::as_bytes(std::span(raw));
  const auto w = depthwise_weights(t, 2, 1, 1, 1, {});
  CHECK_EQ(w.weights.integers, std::vector<std::int16_t>{32000, 30000});
  CHECK_EQ(w.ow, std::vector<std::int32_t>{100, 30000});
}

TEST_CASE("any native shape and any size give weights or an error") {
  std::mt19937 random(11);
  std::vector<std::byte> bytes(512);
  for (int round = 0; round < 3000; ++round) {
    file::Tensor t;
    t.name = "w", t.dtype = std::array{DType::i8, DType::i16, DType::f16, DType::i4}[random() % 4];
    t.data = std::span(bytes).first(random() % bytes.size());
    const auto wild = [&] { return random() % 4 ? std::int32_t(random() % 5) : std::int32_t(random()); };
    for (auto k = random() % 14; k > 0; --k) t.native_shape.push_back(wild());
    for (std::size_t k = 0; k + 6 <= t.native_shape.size(); k += 6)
      if (random() % 4) t.native_shape[k + 2] = t.native_shape[k + 3] = 1 + int(random() % 2);
    const int side = 1 + int(random() % 2), c = 1 + int(random() % 40);
    try {
      dense_weights(t, c, 1 + int(random() % 5), side, side, random() % 3 ? 0 : int(random() % 20));
    } catch (const ModelError&) {}
    try {
      depthwise_weights(t, c, side, side, int(random() % 3), {});
    } catch (const ModelError&) {}
  }
}
