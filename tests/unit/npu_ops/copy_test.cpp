#include "npu/ops/copy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "bench.hpp"
#include "npu/ops/fast_math.hpp"

using namespace ops_test;
using namespace ez_rknn::npu::ops;

namespace {

/// The offsets a nest visits with its rows spelled out, sorted: order is free, the set is not.
template <int K>
std::vector<std::array<std::ptrdiff_t, K>> visited(const Nest<K>& nest) {
  std::vector<std::array<std::ptrdiff_t, K>> all;
  nest.rows([&](auto at, std::int64_t n, const auto& step) {
    for (std::int64_t i = 0; i < n; ++i) {
      all.push_back(at);
      for (std::size_t k = 0; k < K; ++k) at[k] += step[k];
    }
  });
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<double> counting(const Dims& shape) {
  std::vector<double> v(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(i % 251) - 120;
  return v;
}

}  // namespace

TEST_CASE("a tidy nest visits what the untidy one does") {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    Nest<2> nest;
    const int loops = static_cast<int>(random() % 6);
    for (int i = 0; i < loops; ++i)
      nest.add(1 + random() % 5, {static_cast<int>(random() % 9) - 4, static_cast<int>(random() % 50)});
    Nest<2> tidy = nest;
    tidy.tidy();
    REQUIRE_EQ(visited(tidy), visited(nest));
  }
}

TEST_CASE("loops that are one in memory become one row") {
  Nest<2> nest;  // an NCHW walk over two channels-last maps of 16 channels
  nest.add(1, {7, 7}), nest.add(16, {1, 1}), nest.add(5, {96, 96}), nest.add(6, {16, 16});
  nest.tidy();
  CHECK_EQ(nest.rank(), 1);
  CHECK_EQ(nest.size(0), 480);
  CHECK_EQ(nest.step(0)[1], 1);
  Nest<2> empty;
  empty.add(4, {1, 1}), empty.add(0, {4, 4});
  empty.rows([](auto&&...) { FAIL("an empty nest has no rows"); });
  Nest<2> scalar;
  CHECK_EQ(visited(scalar).size(), 1);
}

TEST_CASE("runs of few neighbours are copied whole, and nothing beside them") {
  for (const std::ptrdiff_t run : {2, 3, 4, 5}) {
    std::vector<std::byte> from(16 * 40), to(from.size(), std::byte{0x5a}), want = to;
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i % 251);
    Nest<2> nest;  // blocks of `run` channels of each of forty pixels to `run` pixels side by side, one left free
    nest.add(run, {1, 1}), nest.add(40, {16, run + 1});
    for (std::ptrdiff_t p = 0; p < 40; ++p)
      for (std::ptrdiff_t c = 0; c < run; ++c) want[std::size_t(p * (run + 1) + c)] = from[std::size_t(p * 16 + c)];
    copy({from.data(), DType::i8, {}, {}, {}}, {to.data(), DType::i8, {}, {}, {}}, nest);
    CHECK(to == want);
  }
}

// Parts of a Concat whose quantisation differs: channels of a map side by side, looked up run by run.
TEST_CASE("bytes that change their quantisation are those a conversion by value gives, in slices of any width") {
  const Quant from_quant{0.031f, -7}, to_quant{0.047f, 12};
  for (const DType type : {DType::i8, DType::u8})
    for (const std::int64_t channels : {1, 7, 8, 15, 16, 31, 32, 33, 64, 100}) {
      const std::int64_t height = 3, width = 5, pixel = channels + 21;
      std::vector<std::byte> from(static_cast<std::size_t>(height * width * channels)),
          to(static_cast<std::size_t>(height * width * pixel), std::byte{0x5a}), want = to;
      for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 37 % 256);
      for (std::int64_t p = 0; p < height * width; ++p)
        for (std::int64_t c = 0; c < channels; ++c) {
          double value;
          load_row({from.data(), type, {}, {}, from_quant}, p * channels + c, 1, 1, &value);
          store_row({want.data(), type, {}, {}, to_quant}, p * pixel + c, 1, 1, &value);
        }
      const Dims shape{1, channels, height, width};
      copy({from.data(), type, shape, {height * width * channels, 1, width * channels, channels}, from_quant},
           {to.data(), type, shape, {height * width * pixel, 1, width * pixel, pixel}, to_quant});
      CAPTURE(channels);
      CHECK(to == want);
    }
}

TEST_CASE("reshape keeps the row-major order whatever the strides") {
  std::mt19937 random(5);
  const std::vector<Dims> shapes{
      {2, 3, 4, 5},     {120},      {6, 20},         {4, 30},          {5, 4, 3, 2}, {2, 60, 1, 1},
      {1, 1, 8, 1, 15}, {3, 1, 40}, {2, 2, 2, 3, 5}, {1, 24, 1, 5, 1}, {10, 12}};
  for (const Dims& a : shapes)
    for (const Dims& b : shapes)
      for (Layout from_layout : {Layout::dense, Layout::channels_last})
        for (Layout to_layout : {Layout::dense, Layout::channels_last}) {
          const DType type = random() % 2 ? DType::i8 : DType::i32;
          Memory from(type, a, {}, from_layout), to(type, b, {}, to_layout);
          from.put(counting(a));
          std::vector<std::byte> scratch(reshape_scratch_bytes(a, b, type));
          reshape(ConstTensorView(from.view()), to.view(), scratch);
          REQUIRE_EQ(to.get(), counting(a));
          REQUIRE(to.surroundings_intact());
        }
}

TEST_CASE("large transpositions arrive whole in every element size") {
  for (DType type : {DType::i8, DType::f16, DType::f32, DType::i64}) {
    const Dims shape{3, 67, 129}, turned{129, 3, 67};
    Memory from(type, shape, {}, Layout::dense), to(type, turned, {}, Layout::dense);
    from.put(counting(shape));
    Nest<2> nest;
    for (int i = 0; i < 3; ++i) nest.add(shape[i], {from.view().strides[i], to.view().strides[(i + 1) % 3]});
    copy(ConstTensorView(from.view()), to.view(), nest);
    const auto a = from.get(), b = to.get();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 67; ++j)
        for (std::size_t k = 0; k < 129; ++k) wrong += a[(i * 67 + j) * 129 + k] != b[(k * 3 + i) * 67 + j];
    CHECK_EQ(wrong, 0);
  }
}

TEST_CASE("copies between types go by value") {
  const Dims shape{2, 19, 3, 2};
  for (DType a : {DType::i8, DType::u8, DType::i16, DType::f16, DType::bf16, DType::f32, DType::i64})
    for (DType b : {DType::i8, DType::i16, DType::f16, DType::bf16, DType::f32, DType::i32}) {
      CAPTURE(std::string(name_of(a)) + " to " + name_of(b));
      Memory from(a, shape, is_float(a) ? Quant{} : Quant{2, a == DType::i64 ? 0 : 1}, Layout::channels_last);
      Memory to(b, shape, is_float(b) ? Quant{} : Quant{4, 3}, Layout::dense);
      std::vector<double> values = counting(shape);
      for (double& v : values) v = a == DType::u8 ? std::abs(v) * 4 : std::floor(v / 2) * 4;
      from.put(values);
      copy(ConstTensorView(from.view()), to.view());
      CHECK_EQ(to.get(), values);
    }
}

TEST_CASE("the fast exponential, sigmoid and tanh are within a few units in the last place") {
  double worst_exp = 0, worst_sigmoid = 0, worst_tanh = 0;
  for (float x = -86; x < 87; x += 0.0037f) {
    const auto d = static_cast<double>(x);
    const auto relative = [](float got, double want) { return std::abs(static_cast<double>(got) / want - 1); };
    worst_exp = std::max(worst_exp, relative(fast_exp(x), std::exp(d)));
    worst_sigmoid = std::max(worst_sigmoid, std::abs(static_cast<double>(fast_sigmoid(x)) - 1 / (1 + std::exp(-d))));
    worst_tanh = std::max(worst_tanh, relative(fast_tanh(x / 20), std::tanh(static_cast<double>(x / 20))));
  }
  CHECK_LT(worst_exp, 3e-7);
  CHECK_LT(worst_sigmoid, 2e-7);
  CHECK_LT(worst_tanh, 1e-6);
  CHECK_EQ(fast_exp(-std::numeric_limits<float>::infinity()), 0.0f);
  CHECK_EQ(fast_tanh(100.0f), 1.0f);
  CHECK(std::isnan(fast_exp(std::nanf(""))));
  CHECK(std::isnan(fast_tanh(std::nanf(""))));
}
