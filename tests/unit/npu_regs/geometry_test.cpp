#include "npu/regs/geometry.hpp"

#include <doctest/doctest.h>

#include "commands.hpp"
#include "ez_rknn/error.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using test::registers;

TEST_CASE("the same 3x5 convolution, stride 2 x 1, pads 1 and 2, on every family") {
  const auto a = registers(0x1d, {{0x100c, 0x20000120 | 9u << 12},
                                  {0x1014, 1u << 3 | 2 | 1u << 16},
                                  {0x1034, 240},
                                  {0x1038, 5u << 24 | 3u << 16 | 32},
                                  {0x1068, 2u << 4 | 1},
                                  {0x1184, 0xffffff80}});
  const auto rk3588 = conv_registers(*find_chip("rk3588"), a);
  CHECK_EQ(rk3588.pad_value, 0xffffff80u);
  CHECK_EQ(rk3588.kernels, 32);
  CHECK_EQ(rk3588.kernel_bytes, 240);
  CHECK_EQ(rk3588.interleaved_channels, 2);
  CHECK_EQ(rk3588.depthwise, false);
  CHECK_FALSE(rk3588.pad_right);
  auto c = a;
  c.set(0x1068, 2u << 8 | 1);
  const auto rv1106 = conv_registers(*find_chip("rv1106"), c);
  const auto b = registers(0x1d, {{0x100c, 0},
                                  {0x1014, 1u << 3 | 2 | 1u << 16},
                                  {0x1020, 240},
                                  {0x1024, 5u << 24 | 3u << 16 | 32},
                                  {0x1080, 3u << 24 | 4u << 16 | 2u << 8 | 1},
                                  {0x1084, 7}});
  const auto rk3562 = conv_registers(*find_chip("rk3562"), b);
  CHECK_EQ(rk3562.pad_bottom, 4);
  CHECK_EQ(rk3562.pad_right, 3);
  CHECK_EQ(rk3562.kernel_bytes, 240);
  auto b2 = b;
  b2.set(0x1024, 4u << 24 | 2u << 16 | 31), b2.set(0x100c, 6), b2.set(0x1020, 48);
  const auto rk3576 = conv_registers(*find_chip("rk3576"), b2);
  CHECK_EQ(rk3576.kernels, 32);
  CHECK_EQ(rk3576.row_pitch_bytes, 16);
  const auto d = registers(0x19, {{0x100c, 0x00010012},
                                  {0x1014, 1u << 31},
                                  {0x1018, 4u << 24 | 2u << 16 | 31},
                                  {0x1028, 1u << 30 | 1u << 24 | 255},
                                  {0x1084, 0x03040200}});
  const auto rv1106b = conv_registers(*find_chip("rv1106b"), d);
  CHECK_EQ(rv1106b.pad_bottom, 4);
  CHECK_EQ(rv1106b.depthwise, false);
  for (const auto& g : {rk3588, rv1106, rk3562, rk3576, rv1106b}) {
    CHECK_EQ(g.stride_x, 2);
    CHECK_EQ(g.stride_y, 1);
    CHECK_EQ(g.dilation_x, 2);
    CHECK_EQ(g.dilation_y, 1);
    CHECK_EQ(g.kernel_h, 3);
    CHECK_EQ(g.kernel_w, 5);
    CHECK_EQ(g.pad_top, 1);
    CHECK_EQ(g.pad_left, 2);
    CHECK_FALSE(g.deconv);
  }
}

TEST_CASE("depthwise kinds and the pairs of weights and offsets") {
  const auto depthwise = [](const char* chip, std::uint32_t kind, std::uint16_t count_register, std::uint32_t count) {
    return conv_registers(*find_chip(chip), registers(0x1d, {{0x100c, kind}, {0x1014, 9}, {count_register, count}}));
  };
  const std::uint32_t k3 = 3u << 24 | 3u << 16, k2 = 2u << 24 | 2u << 16;
  CHECK_EQ(depthwise("rk3588", 3, 0x1038, k3 | 1).depthwise, true);
  CHECK_FALSE(depthwise("rk3588", 3, 0x1038, k3 | 2).paired);
  CHECK(depthwise("rv1106", 7, 0x1038, k3 | 2).paired);
  CHECK_FALSE(depthwise("rv1106", 3, 0x1038, k3 | 1).paired);
  CHECK(depthwise("rk3562", 5, 0x1024, k3 | 2).paired);
  CHECK_FALSE(depthwise("rk3562", 1, 0x1024, k3 | 1).paired);
  CHECK_FALSE(depthwise("rk3562", 0, 0x1024, k3 | 2).paired);  // a dense convolution with two kernels
  CHECK(depthwise("rk3576", 1, 0x1024, k2 | 1).paired);
  const auto rv1106b = [](std::uint32_t mode, std::uint32_t count) {
    return conv_registers(*find_chip("rv1106b"), registers(0x19, {{0x100c, 0x11}, {0x1014, mode}, {0x1018, count}}));
  };
  CHECK(rv1106b(0x11100080, 1).paired);  // weights of a transposed one have the shape of dense ones: the bit tells
  CHECK_FALSE(rv1106b(0x90100080, 1).paired);
  CHECK_THROWS_AS(depthwise("rk3588", 7, 0x1038, k3 | 1), Unsupported);
  CHECK_THROWS_AS(depthwise("rk3576", 5, 0x1024, k3), Unsupported);
}

TEST_CASE("transposed convolutions: only family A has a bit for them, elsewhere zeros are inserted") {
  const auto at = [](const char* chip, std::uint16_t reg, std::uint32_t value, std::uint16_t kernel,
                     std::uint32_t size) {
    return conv_registers(*find_chip(chip), registers(0x1d, {{0x1014, 9}, {kernel, size}, {reg, value}}));
  };
  constexpr std::uint32_t kStrides = 9 | 1u << 8 | 2u << 11, k2 = 2u << 24 | 2u << 16;
  const auto rk3562 = at("rk3562", 0x1014, kStrides, 0x1024, k2), rv1106 = at("rv1106", 0x1014, kStrides, 0x1038, k2),
             rv1106b = at("rv1106b", 0x100c, 0x2111, 0x1018, 1u << 24 | 1u << 16);
  for (const auto& g : {rk3562, rv1106, rv1106b}) {
    CHECK(g.deconv);
    CHECK_EQ(g.deconv_stride_x, 2);
    CHECK_EQ(g.deconv_stride_y, 3);
    CHECK_EQ(g.stride_x, 1);
  }
  CHECK_FALSE(at("rk3566", 0x1014, kStrides, 0x1038, k2).deconv);
  CHECK(at("rk3566", 0x100c, 1u << 16, 0x1038, k2).deconv);
}

TEST_CASE("values no convolution has are refused") {
  const auto conv = [](std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> values) {
    return conv_registers(*find_chip("rk3588"), registers(0x1d, values));
  };
  CHECK_EQ(conv({{0x1014, 8}, {0x1038, 0x01010001}}).stride_x, 1);  // over one output a stride of 0 means nothing
  CHECK_THROWS_AS(conv({{0x1014, 8}, {0x1038, 0x01010001}, {0x3014, 1}}), Unsupported);       // stride x 0
  CHECK_THROWS_AS(conv({{0x1014, 9}, {0x1038, 0x00010001}}), Unsupported);                    // kernel width 0
  CHECK_THROWS_AS(conv({{0x1014, 9}, {0x1038, 0x01010001}, {0x100c, 0x3000}}), Unsupported);  // ARGB 3
  CHECK_NOTHROW(conv({{0x1014, 9}, {0x1038, 0x01010001}, {0x100c, 0xb000}}));
  CHECK_THROWS_AS(conv({{0x1014, 9}, {0x1038, 0x01010001}, {0x100c, 0xe000}}), Unsupported);
  // The same field in an old RK3562 file: three channels, and bit 16 is not a transposed convolution.
  const auto old =
      conv_registers(*find_chip("rk3562"), registers(0x1d, {{0x1014, 9}, {0x1024, 0x01010001}, {0x100c, 0x3001e002}}));
  CHECK_EQ(old.interleaved_channels, 3);
  CHECK_FALSE(old.deconv);
}
