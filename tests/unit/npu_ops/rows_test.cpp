#include "npu/ops/rows.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/fp16.hpp"
#include "npu/ops/byte_table.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu::ops;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();

template <class D, class T>
std::vector<D> stored(DType type, Quant quant, const std::vector<T>& values) {
  std::vector<D> to(values.size());
  store_row({reinterpret_cast<std::byte*>(to.data()), type, {}, {}, quant}, 0, 1, std::int64_t(values.size()),
            values.data());
  return to;
}

template <class T, class S>
std::vector<T> loaded(DType type, Quant quant, const std::vector<S>& values) {
  std::vector<T> to(values.size());
  load_row({reinterpret_cast<const std::byte*>(values.data()), type, {}, {}, quant}, 0, 1, std::int64_t(values.size()),
           to.data());
  return to;
}

}  // namespace

TEST_CASE("every half loads as the exact conversion says") {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const auto floats = loaded<float>(DType::f16, {}, all);
  const auto doubles = loaded<double>(DType::f16, {}, all);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const float want = half_to_float(all[i]);
    const bool same =
        std::isnan(want) ? std::isnan(floats[i]) : floats[i] == want && std::signbit(floats[i]) == std::signbit(want);
    wrong += !same || (doubles[i] != static_cast<double>(want) && !std::isnan(want));
  }
  CHECK_EQ(wrong, 0);
}

TEST_CASE("floats store as halves to nearest even, saturating") {
  std::mt19937 random(1);
  std::vector<float> values;
  for (int i = 0; i < 200000; ++i) values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  for (int h = 0; h < 31743; ++h) {  // the midpoints between neighbouring halves, and just beside them
    const float a = half_to_float(std::uint16_t(h)), b = half_to_float(std::uint16_t(h + 1)), m = (a + b) / 2;
    for (float v : {a, m, std::nextafter(m, 0.0f), std::nextafter(m, 1e9f)}) values.push_back(v), values.push_back(-v);
  }
  const auto got = stored<std::uint16_t>(DType::f16, {}, values);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float clamped = std::isnan(values[i]) ? values[i] : std::min(std::max(values[i], -65504.0f), 65504.0f);
    const std::uint16_t want = float_to_half(clamped);
    wrong += std::isnan(values[i]) ? !std::isnan(half_to_float(got[i])) : got[i] != want;
  }
  CHECK_EQ(wrong, 0);
}

TEST_CASE("the quantiser rounds halves to even, saturates, and takes NaN for the zero point") {
  const std::vector<double> values{0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 127.5, 1e30, -1e30, kInfinity, -kInfinity, kNaN};
  const std::vector<std::int8_t> want{0, 2, 2, 0, -2, 126, 127, 127, -128, 127, -128, 0};
  CHECK_EQ(stored<std::int8_t>(DType::i8, {}, values), want);
  const std::vector<float> floats(values.begin(), values.end());
  CHECK_EQ(stored<std::int8_t>(DType::i8, {}, floats), want);
  CHECK_EQ(stored<std::int8_t>(DType::i8, {0.5f, -3}, std::vector<double>{1, 1.25, kNaN, 100}),
           std::vector<std::int8_t>{-1, -1, -3, 127});  // 2.5 is rounded before the zero point comes to it
  CHECK_EQ(stored<std::uint8_t>(DType::u8, {0.1f, 128}, std::vector<float>{0, -1, -100, 100}),
           std::vector<std::uint8_t>{128, 118, 0, 255});
  CHECK_EQ(stored<std::int16_t>(DType::i16, {0.001f, 10}, std::vector<float>{1, -1, 40, -40}),
           std::vector<std::int16_t>{1010, -990, 32767, -32768});
}

TEST_CASE("plain wide integers truncate and saturate; quantised ones round") {
  const std::vector<double> values{2.9, -2.9, 1e30, -1e30, kNaN};
  CHECK_EQ(stored<std::int64_t>(DType::i64, {}, values), std::vector<std::int64_t>{2, -2, INT64_MAX, INT64_MIN, 0});
  CHECK_EQ(stored<std::int32_t>(DType::i32, {}, values), std::vector<std::int32_t>{2, -2, INT32_MAX, INT32_MIN, 0});
  CHECK_EQ(stored<std::uint32_t>(DType::u32, {}, values), std::vector<std::uint32_t>{2, 0, UINT32_MAX, 0, 0});
  CHECK_EQ(stored<std::int32_t>(DType::i32, {0.5f, 1}, std::vector<double>{1.3, -1e30}),
           std::vector<std::int32_t>{4, INT32_MIN});
  const std::vector<std::int64_t> big{INT64_MAX, (std::int64_t{1} << 53) + 1, -5};
  CHECK_EQ(stored<std::int64_t>(DType::i64, {}, big), big);
  CHECK_EQ(stored<std::int8_t>(DType::i8, {}, big), std::vector<std::int8_t>{127, 127, -5});
  CHECK_EQ(stored<std::uint8_t>(DType::boolean, {}, std::vector<double>{0, 0.25, -3}),
           std::vector<std::uint8_t>{0, 1, 1});
}

TEST_CASE("integers load as real numbers with scale and zero point") {
  const std::vector<std::int8_t> bytes{-128, 0, 127};
  CHECK_EQ(loaded<double>(DType::i8, {0.5f, 2}, bytes), std::vector<double>{-65, -1, 62.5});
  CHECK_EQ(loaded<std::int64_t>(DType::i8, {0.5f, 2}, bytes), std::vector<std::int64_t>{-65, -1, 62});
  CHECK_EQ(loaded<std::int64_t>(DType::i64, {}, std::vector<std::int64_t>{INT64_MIN, INT64_MAX}),
           std::vector<std::int64_t>{INT64_MIN, INT64_MAX});
  CHECK_EQ(loaded<std::int64_t>(DType::f32, {}, std::vector<float>{-2.7f, 1e30f, std::nanf("")}),
           std::vector<std::int64_t>{-2, INT64_MAX, 0});
}

TEST_CASE("damaged scales give some number, not undefined behaviour") {
  for (float scale : {0.0f, -1.0f, std::nanf(""), 1e-45f, 3e38f, -std::numeric_limits<float>::infinity()})
    for (std::int32_t zero : {0, INT32_MAX, INT32_MIN})
      for (DType type : {DType::i8, DType::u8, DType::i16, DType::i32, DType::i64, DType::u64}) {
        const std::vector<double> values{0, 1, -1e300, kNaN, kInfinity};
        const auto raw = stored<std::int64_t>(type, {scale, zero}, values);
        (void)loaded<double>(type, {scale, zero}, raw), (void)loaded<std::int64_t>(type, {scale, zero}, raw);
        (void)stored<std::int64_t>(type, {scale, zero}, std::vector<float>{0, 1, -1e38f});
        (void)stored<std::int64_t>(type, {scale, zero}, std::vector<std::int64_t>{0, INT64_MAX, INT64_MIN});
      }
}

TEST_CASE("rows step over their neighbours") {
  std::vector<std::int8_t> memory(10, 99);
  const float values[3] = {1, 2, 3};
  store_row({reinterpret_cast<std::byte*>(memory.data()), DType::i8, {}, {}, {}}, 1, 4, 3, values);
  CHECK_EQ(memory, std::vector<std::int8_t>{99, 1, 99, 99, 99, 2, 99, 99, 99, 3});
  double back[3];
  load_row({reinterpret_cast<const std::byte*>(memory.data()), DType::i8, {}, {}, {}}, 9, -4, 3, back);
  CHECK_EQ(back[0], 3.0);
  CHECK_EQ(back[2], 1.0);
}

TEST_CASE("a byte table holds what loading, computing and storing give") {
  const Quant from{0.03f, -7}, to{0.2f, 11};
  const ByteTable table(DType::i8, from, DType::i8, to, [](double* x, int n) {
    for (int i = 0; i < n; ++i) x[i] = x[i] * x[i];
  });
  std::vector<std::int8_t> all(256), got(256);
  for (int i = 0; i < 256; ++i) all[std::size_t(i)] = static_cast<std::int8_t>(i - 128);
  Nest<2> nest;
  nest.add(256, {1, 1});
  const ConstTensorView in{reinterpret_cast<const std::byte*>(all.data()), DType::i8, {}, {}, from};
  const TensorView out{reinterpret_cast<std::byte*>(got.data()), DType::i8, {}, {}, to};
  CHECK(table.fits(in, out));
  CHECK_FALSE(table.fits(in, {out.data, DType::i8, {}, {}, from}));
  table.run(in, out, nest);
  auto squares = loaded<double>(DType::i8, from, all);
  for (double& x : squares) x *= x;
  CHECK_EQ(got, stored<std::int8_t>(DType::i8, to, squares));
}

TEST_CASE("a byte table that only holds codes to limits gives what its entries say, side by side and apart") {
  for (const DType type : {DType::i8, DType::u8})
    for (const auto& [low, high] : {std::pair{-1.0, 1.5}, {-kInfinity, 0.25}, {0.0, kInfinity}, {50.0, 60.0}})
      for (const Quant to : {Quant{0.03f, 5}, Quant{0.031f, 5}}) {  // the second is looked up
        const Quant from{0.03f, 5};
        const auto function = [low = low, high = high](double* x, int n) {
          for (int i = 0; i < n; ++i) x[i] = std::clamp(x[i], low, high);
        };
        const ByteTable table(type, from, type, to, function);
        std::vector<std::uint8_t> all(256);
        for (std::size_t i = 0; i < 256; ++i) all[i] = static_cast<std::uint8_t>(i);
        auto numbers = loaded<double>(type, from, all);
        function(numbers.data(), 256);
        const auto want = stored<std::uint8_t>(type, to, numbers);
        for (const std::ptrdiff_t step : {1, 3}) {
          std::vector<std::uint8_t> got(std::size_t(256 * step));
          Nest<2> nest;
          nest.add(256, {1, step});
          const TensorView out{reinterpret_cast<std::byte*>(got.data()), type, {}, {}, to};
          table.run({reinterpret_cast<const std::byte*>(all.data()), type, {}, {}, from}, out, nest);
          for (std::size_t i = 0; i < 256; ++i) REQUIRE_EQ(got[i * std::size_t(step)], want[i]);
        }
      }
}
