#include "npu/io/layout.hpp"

#include <doctest/doctest.h>

#include "ez_rknn/error.hpp"
#include "naive.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;

namespace {

/// A map as the plan lays it out: channels last, pixels padded to 16 channels.
struct Map {
  Dims shape;
  DType dtype;
  Quant quant;
  std::vector<std::byte> bytes;
  Map(Dims s, DType t, Quant q)
      : shape(s),
        dtype(t),
        quant(q),
        bytes(static_cast<std::size_t>(s[0] * s[2] * s[3] * pixel()) * size_of(t), std::byte{0x77}) {}
  std::int64_t pixel() const { return (shape[1] + 15) / 16 * 16; }
  TensorView view() {
    return {bytes.data(), dtype, shape, {shape[2] * shape[3] * pixel(), 1, shape[3] * pixel(), pixel()}, quant};
  }
  int at(std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return static_cast<std::int8_t>(bytes[static_cast<std::size_t>(((n * shape[2] + y) * shape[3] + x) * pixel() + c)]);
  }
};

}  // namespace

TEST_CASE("bytes of every layout, with and without strides") {
  const Dims s{2, 19, 5, 7};
  CHECK_EQ(io::bytes_of(s, {io::Format::logical, DType::f32}), 2 * 19 * 5 * 7 * 4u);
  CHECK_EQ(io::bytes_of(s, {io::Format::nhwc, DType::u8, {}, 16}), 2 * 5 * 16 * 19u);
  CHECK_EQ(io::bytes_of(s, {io::Format::nhwc, DType::u8, {}, 16, 6}), 2 * 6 * 16 * 19u);
  CHECK_EQ(io::bytes_of(s, {io::Format::nc1hwc2, DType::i8, {}, 0, 0, 16}), 2 * 2 * 5 * 7 * 16u);
  CHECK_EQ(io::bytes_of(s, {io::Format::nc1hwc2, DType::f16, {}, 0, 0, 8}), 2 * 3 * 5 * 7 * 8 * 2u);
  CHECK_EQ(io::bytes_of({5, 6}, {io::Format::logical, DType::i8}), 30u);
}

TEST_CASE("strides and formats that make no sense are refused") {
  CHECK_THROWS_AS(io::bytes_of({1, 3, 5, 7}, {io::Format::nhwc, DType::u8, {}, 6}), InvalidArgument);
  CHECK_THROWS_AS(io::bytes_of({1, 3, 5, 7}, {io::Format::nhwc, DType::u8, {}, 0, 4}), InvalidArgument);
  CHECK_THROWS_AS(io::bytes_of({1, 3, 5, 7}, {io::Format::nhwc, DType::u8, {}, -8}), InvalidArgument);
  CHECK_THROWS_AS(io::bytes_of({5, 7}, {io::Format::nhwc, DType::u8}), InvalidArgument);
  CHECK_THROWS_AS(io::bytes_of({1, 3, 5, 7}, {io::Format::nc1hwc2, DType::u8}), InvalidArgument);
  CHECK_THROWS_AS(io::bytes_of({1, 3, 5, 7}, {io::Format::nhwc, DType::u8, {}, 1ll << 40, 1ll << 40}), InvalidArgument);
}

TEST_CASE("NC1HWC2 buffers: groups of channels, read and written, at every C2") {
  for (int c2 : {4, 8, 16, 32})
    for (std::int64_t channels : {1, 3, 8, 11, 16, 19, 40}) {
      CAPTURE(c2);
      CAPTURE(channels);
      const Dims s{2, channels, 3, 5};
      const io::Layout layout{io::Format::nc1hwc2, DType::i8, {0.5f, 1}, 0, 0, c2};
      const std::int64_t groups = (channels + c2 - 1) / c2;
      const auto values = naive::random_values(io::bytes_of(s, layout), DType::i8, static_cast<unsigned>(channels));
      const auto index = [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
        return static_cast<std::size_t>((((n * groups + c / c2) * 3 + y) * 5 + x) * c2 + c % c2);
      };
      Map map(s, DType::i8, {0.5f, 1});
      io::read_buffer(values.data(), layout, map.view());
      std::vector<std::byte> back(values.size(), std::byte{0x5a});
      io::write_buffer(map.view(), back.data(), layout);
      bool read_right = true, written_right = true;
      for (std::int64_t n = 0; n < 2; ++n)
        for (std::int64_t y = 0; y < 3; ++y)
          for (std::int64_t x = 0; x < 5; ++x) {
            for (std::int64_t c = 0; c < map.pixel(); ++c)
              read_right = read_right && map.at(n, c, y, x) ==
                                             (c < channels ? static_cast<std::int8_t>(values[index(n, c, y, x)]) : 0);
            for (std::int64_t c = 0; c < groups * c2; ++c)
              written_right =
                  written_right && back[index(n, c, y, x)] == (c < channels ? values[index(n, c, y, x)] : std::byte{0});
          }
      CHECK(read_right);
      CHECK(written_right);
    }
}

TEST_CASE("rows of an NHWC buffer may be apart; what lies between is not touched") {
  const Dims s{1, 3, 4, 5};
  const io::Layout wide{io::Format::nhwc, DType::u8, {}, 8, 6};
  std::vector<std::byte> buffer(io::bytes_of(s, wide), std::byte{0x5a});
  Map map(s, DType::i8, {0.5f, -3});
  const auto values = naive::random_values(static_cast<std::size_t>(s.elements()), DType::i8, 2);
  io::read_buffer(values.data(), {io::Format::logical, DType::i8, {0.5f, -3}}, map.view());
  io::write_buffer(map.view(), buffer.data(), {io::Format::nhwc, DType::i8, {0.5f, -3}, 8, 6});
  for (std::int64_t y = 0; y < 6; ++y)
    for (std::int64_t x = 0; x < 8; ++x)
      for (std::int64_t c = 0; c < 3; ++c) {
        const auto got = buffer[static_cast<std::size_t>((y * 8 + x) * 3 + c)];
        if (y < 4 && x < 5) CHECK_EQ(static_cast<std::int8_t>(got), map.at(0, c, y, x));
        else CHECK_EQ(got, std::byte{0x5a});
      }
  Map again(s, DType::i8, {0.5f, -3});
  io::read_buffer(buffer.data(), {io::Format::nhwc, DType::i8, {0.5f, -3}, 8, 6}, again.view());
  CHECK(again.bytes == map.bytes);
}

TEST_CASE("real values in NC1HWC2 are normalised with their own channel's mean and deviation") {
  const Dims s{1, 19, 2, 3};
  file::Normalisation norm;
  for (int c = 0; c < 19; ++c)
    norm.mean.push_back(static_cast<float>(c)), norm.std.push_back(2.0f + static_cast<float>(c));
  const auto planes = naive::random_values(static_cast<std::size_t>(s.elements()), DType::u8, 5);
  Map straight(s, DType::i8, {0.25f, 7}), grouped(s, DType::i8, {0.25f, 7}), raw(s, DType::u8, {});
  io::read_buffer(planes.data(), {io::Format::logical, DType::u8}, straight.view(), &norm);
  io::read_buffer(planes.data(), {io::Format::logical, DType::u8}, raw.view());
  const io::Layout layout{io::Format::nc1hwc2, DType::u8, {}, 0, 0, 8};
  std::vector<std::byte> buffer(io::bytes_of(s, layout));
  io::write_buffer(raw.view(), buffer.data(), layout);
  io::read_buffer(buffer.data(), layout, grouped.view(), &norm);
  CHECK(grouped.bytes == straight.bytes);
}
