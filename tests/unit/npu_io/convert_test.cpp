#include "npu/io/convert.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "ez_rknn/error.hpp"
#include "naive.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;

namespace {

constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16, DType::i8,  DType::u8,  DType::i16,
                            DType::u16, DType::i32, DType::u32,  DType::i64, DType::u64, DType::boolean};

/// Strides of a shape in one of several arrangements, and how many elements they span.
struct Arrangement {
  Dims strides;
  std::int64_t span;
  int pad;
};

Arrangement dense(const Dims& s) { return {dense_strides(s), s.elements(), 0}; }

Arrangement channels_last(const Dims& s, std::int64_t pixel) {
  return {{s[1] == 0 ? 0 : s[2] * s[3] * pixel, 1, s[3] * pixel, pixel},
          s[0] * s[2] * s[3] * pixel,
          static_cast<int>(pixel - s[1])};
}

Arrangement rows_apart(const Dims& s, std::int64_t row) {
  return {{s[1] * s[2] * row, s[2] * row, row, 1}, s[0] * s[1] * s[2] * row, 0};
}

std::vector<Arrangement> arrangements(const Dims& s) {
  const std::int64_t padded = (s[1] + 15) / 16 * 16;
  std::vector<Arrangement> all{dense(s), channels_last(s, s[1]), channels_last(s, padded), rows_apart(s, s[3] + 5)};
  if (s[1] < 4) all.push_back(channels_last(s, 4));  // pixels of a network's input
  return all;
}

void compare(const Dims& shape, DType ft, Quant fq, const Arrangement& fa, DType tt, Quant tq, const Arrangement& ta,
             const file::Normalisation* norm, unsigned seed, Team* team = nullptr) {
  const auto source = naive::random_values(static_cast<std::size_t>(fa.span), ft, seed);
  const std::size_t bytes = static_cast<std::size_t>(ta.span) * size_of(tt);
  std::vector<std::byte> want(bytes, std::byte{0x5a}), got(bytes, std::byte{0x5a});
  const ConstTensorView from{source.data(), ft, shape, fa.strides, fq};
  TensorView to{want.data(), tt, shape, ta.strides, tq};
  naive::convert(from, to, norm);
  if (ta.pad > 0)
    for (std::int64_t pixel = 0; pixel < ta.span / (shape[1] + ta.pad); ++pixel) {
      const std::size_t at = static_cast<std::size_t>(pixel * (shape[1] + ta.pad) + shape[1]) * size_of(tt);
      std::fill_n(want.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::size_t>(ta.pad) * size_of(tt),
                  std::byte{0});
    }
  to.data = got.data();
  io::convert(from, to, ta.pad, norm, team);
  if (got == want) return;
  CAPTURE(to_string(shape));
  CAPTURE(std::string(name_of(ft)));
  CAPTURE(std::string(name_of(tt)));
  CAPTURE(to_string(fa.strides));
  CAPTURE(to_string(ta.strides));
  const auto at = std::mismatch(got.begin(), got.end(), want.begin()).first - got.begin();
  CAPTURE(at);
  CHECK(got == want);
}

const file::Normalisation kImage{{123.675f, 116.28f, 103.53f, 0}, {58.395f, 57.12f, 57.375f, 1}, {0, 1, 2, 3}};

}  // namespace

TEST_CASE("every pair of types gives the formula's bits") {
  unsigned seed = 1;
  const Dims shape{2, 3, 5, 7};
  for (DType ft : kTypes)
    for (DType tt : kTypes) {
      const Quant tq = is_float(tt) || tt == DType::boolean ? Quant{} : Quant{0.75f, size_of(tt) == 1 ? 9 : -31};
      compare(shape, ft, {}, dense(shape), tt, tq, dense(shape), nullptr, ++seed);
      compare(shape, ft, {}, channels_last(shape, 3), tt, {}, channels_last(shape, 16), &kImage, ++seed);
      if (!is_float(ft) && ft != DType::boolean)
        compare(shape, ft, {0.0625f, 3}, channels_last(shape, 16), tt, tq, dense(shape), nullptr, ++seed);
    }
}

TEST_CASE("every pair of arrangements gives the formula's bits") {
  unsigned seed = 100;
  const Quant q{0.0186f, -14};
  for (const Dims& shape :
       {Dims{1, 3, 33, 70}, Dims{1, 1, 9, 130}, Dims{2, 4, 8, 8}, Dims{1, 16, 6, 10}, Dims{1, 21, 5, 90},
        Dims{3, 255, 4, 5}, Dims{1, 2, 1, 1}, Dims{1, 130, 1, 1}, Dims{1, 3, 1, 5000}}) {
    file::Normalisation norm;
    for (int c = 0; c < shape[1]; ++c)
      norm.mean.push_back(static_cast<float>(c) * 1.5f), norm.std.push_back(1.0f + static_cast<float>(c) * 0.25f);
    for (const Arrangement& fa : arrangements(shape))
      for (const Arrangement& ta : arrangements(shape))
        for (const file::Normalisation* n :
             {static_cast<const file::Normalisation*>(nullptr), static_cast<const file::Normalisation*>(&norm)}) {
          compare(shape, DType::f32, {}, fa, DType::i8, q, ta, n, ++seed);
          compare(shape, DType::u8, {}, fa, DType::i8, q, ta, n, ++seed);
          compare(shape, DType::u8, {}, fa, DType::f16, {}, ta, n, ++seed);
          compare(shape, DType::f32, {}, fa, DType::f16, {}, ta, n, ++seed);
          compare(shape, DType::f16, {}, fa, DType::f32, {}, ta, n, ++seed);
          if (!n) compare(shape, DType::i8, q, fa, DType::f32, {}, ta, n, ++seed);
          if (!n) compare(shape, DType::i8, q, fa, DType::i8, q, ta, n, ++seed);
          if (!n) compare(shape, DType::i64, {}, fa, DType::i64, {}, ta, n, ++seed);
        }
  }
}

TEST_CASE("large tensors, alone and with a team, through tables and arithmetic") {
  Team team(3);
  unsigned seed = 500;
  const Dims shape{1, 3, 200, 211};
  for (Team* t : {static_cast<Team*>(nullptr), &team})
    for (const Arrangement& fa : arrangements(shape))
      for (const Arrangement& ta : {channels_last(shape, 16), channels_last(shape, 4)}) {
        compare(shape, DType::u8, {}, fa, DType::i8, {0.0171f, -14}, ta, &kImage, ++seed, t);
        compare(shape, DType::u8, {}, fa, DType::f16, {}, ta, &kImage, ++seed, t);
        compare(shape, DType::f32, {}, fa, DType::i8, {0.0171f, -14}, ta, &kImage, ++seed, t);
        compare(shape, DType::f32, {}, fa, DType::f16, {}, ta, &kImage, ++seed, t);
      }
  const Dims rows{1, 25200, 85};
  for (Team* t : {static_cast<Team*>(nullptr), &team})
    compare(rows, DType::i8, {0.0234f, -128}, dense(rows), DType::f32, {}, dense(rows), nullptr, ++seed, t);
}

TEST_CASE("pixels of any number of channels become planes, whole blocks of sixteen pixels and channels or not") {
  Team team(2);
  unsigned seed = 700;
  const Quant q{0.0231f, -37};
  for (const std::int64_t c : {1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 17, 31, 33, 64, 65, 68, 74, 255})
    for (const Dims& shape :
         {Dims{1, c, 1, 15}, Dims{1, c, 4, 4}, Dims{1, c, 1, 17}, Dims{2, c, 5, 13}, Dims{1, c, 9, 9}})
      for (const std::int64_t pixel : {c, (c + 3) / 4 * 4, (c + 15) / 16 * 16, c + 21})
        for (const Arrangement& ta : {dense(shape), rows_apart(shape, shape[3] + 5)}) {
          const Arrangement fa = channels_last(shape, pixel);
          compare(shape, DType::i8, q, fa, DType::f32, {}, ta, nullptr, ++seed);
          compare(shape, DType::i8, {}, fa, DType::f32, {}, ta, nullptr, ++seed);
          compare(shape, DType::u8, q, fa, DType::f32, {}, ta, nullptr, ++seed);
          compare(shape, DType::i8, q, fa, DType::i8, {0.05f, 3}, ta, nullptr, ++seed);
          for (const DType t : {DType::i8, DType::f16, DType::f32, DType::i64})
            compare(shape, t, {}, fa, t, {}, ta, nullptr, ++seed);
          compare(shape, DType::f16, {}, fa, DType::f32, {}, ta, nullptr, ++seed);
        }
  const Dims large{1, 85, 80, 81};
  for (Team* t : {static_cast<Team*>(nullptr), &team})
    compare(large, DType::i8, q, channels_last(large, 96), DType::f32, {}, dense(large), nullptr, ++seed, t),
        compare(large, DType::f16, {}, channels_last(large, 96), DType::f32, {}, dense(large), nullptr, ++seed, t);
}

// Whole words are read where channels are few, but nothing behind the last pixel (a sanitizer looks on).
TEST_CASE("a tensor that ends with its last channel is not read beyond") {
  for (const DType type : {DType::i8, DType::f16})
    for (const std::int64_t c : {1, 3, 5, 7, 9, 15, 17}) {
      const std::int64_t pixel = 32, pixels = 40;
      const auto count = static_cast<std::size_t>((pixels - 1) * pixel + c);
      const auto source = naive::random_values(count, type, 9);
      REQUIRE(source.size() == count * size_of(type));
      const Dims shape{1, c, 1, pixels};
      std::vector<float> got(static_cast<std::size_t>(c * pixels)), want = got;
      const Quant quant = type == DType::i8 ? Quant{0.5f, 3} : Quant{};
      const ConstTensorView from{source.data(), type, shape, {pixels * pixel, 1, pixels * pixel, pixel}, quant};
      naive::convert(from, {reinterpret_cast<std::byte*>(want.data()), DType::f32, shape, dense_strides(shape)});
      io::convert(from, {reinterpret_cast<std::byte*>(got.data()), DType::f32, shape, dense_strides(shape)}, 0);
      CHECK(std::memcmp(got.data(), want.data(), got.size() * 4) == 0);
    }
}

TEST_CASE("any rank") {
  for (const Dims& shape :
       {Dims{7}, Dims{5, 9}, Dims{1, 9, 34}, Dims{2, 3, 4, 5, 6}, Dims{1, 1, 1}, Dims{2, 2, 2, 2, 2, 2, 2}})
    compare(shape, DType::f32, {}, dense(shape), DType::i8, {0.5f, 3}, dense(shape), nullptr, 9);
}

TEST_CASE("channels are put in the file's order before they are normalised") {
  const Dims shape{1, 3, 4, 5};
  file::Normalisation norm = kImage;
  norm.order = {2, 1, 0, 3};
  compare(shape, DType::u8, {}, channels_last(shape, 3), DType::i8, {0.02f, 1}, channels_last(shape, 16), &norm, 3);
  norm.mean = {0, 0, 0, 0};
  norm.std = {1, 1, 1, 1};
  compare(shape, DType::u8, {}, dense(shape), DType::u8, {}, channels_last(shape, 16), &norm, 4);
}

TEST_CASE("halves round to even and values saturate; NaN is the least value") {
  const float in[] = {-1e9f, -0.75f, -0.25f, 0.25f, 0.75f, 1.25f, 1e9f, NAN};
  std::int8_t out[8];
  const Dims shape{8};
  io::convert({reinterpret_cast<const std::byte*>(in), DType::f32, shape, {1}},
              {reinterpret_cast<std::byte*>(out), DType::i8, shape, {1}, {0.5f, 10}}, 0);
  const std::int8_t want[] = {-128, 8, 10, 10, 12, 12, 127, -128};
  for (int i = 0; i < 8; ++i) CHECK_EQ(int{out[i]}, int{want[i]});
}

TEST_CASE("what is no number, or beyond int8, in planes that become padded pixels") {
  const Dims shape{1, 2, 1, 11};
  std::vector<float> values(22, 1.0f);
  const float inf = std::numeric_limits<float>::infinity();
  values[3] = std::nanf(""), values[5] = inf, values[14] = -inf, values[17] = 3e38f, values[21] = -1e20f;
  for (int pitch : {4, 16}) {
    const Arrangement fa = dense(shape), ta = channels_last(shape, pitch);
    std::vector<std::int8_t> got(static_cast<std::size_t>(ta.span), 0x5a);
    io::convert({reinterpret_cast<const std::byte*>(values.data()), DType::f32, shape, fa.strides, {}},
                {reinterpret_cast<std::byte*>(got.data()), DType::i8, shape, ta.strides, {0.25f, 5}}, ta.pad);
    const auto at = [&](int channel, int pixel) { return got[static_cast<std::size_t>(pixel * pitch + channel)]; };
    CHECK_EQ(at(0, 0), 9);
    CHECK_EQ(at(0, 3), -128);
    CHECK_EQ(at(0, 5), 127);
    CHECK_EQ(at(1, 3), -128);
    CHECK_EQ(at(1, 6), 127);
    CHECK_EQ(at(1, 10), -128);
    CHECK_EQ(at(2, 10), 0);
    CHECK_EQ(at(pitch - 1, 0), 0);
  }
}

TEST_CASE("integers beyond float32 keep their value") {
  const std::int32_t in[] = {16777217, -2147483647, 2147483647};
  std::int64_t out[3];
  const Dims shape{3};
  io::convert({reinterpret_cast<const std::byte*>(in), DType::i32, shape, {1}},
              {reinterpret_cast<std::byte*>(out), DType::i64, shape, {1}}, 0);
  for (int i = 0; i < 3; ++i) CHECK_EQ(out[i], in[i]);
}

TEST_CASE("what cannot be converted is refused") {
  std::byte a[8]{}, b[8]{};
  CHECK_THROWS_AS(io::convert({a, DType::i8, {2, 3}, {3, 1}}, {b, DType::i8, {3, 2}, {2, 1}}, 0), InvalidArgument);
  CHECK_THROWS_AS(io::convert({a, DType::i4, {2}, {1}}, {b, DType::i8, {2}, {1}}, 0), Unsupported);
  CHECK_NOTHROW(io::convert({nullptr, DType::f32, {0, 3}, {3, 1}}, {nullptr, DType::i8, {0, 3}, {3, 1}}, 0));
}
