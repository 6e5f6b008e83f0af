#pragma once
/// Random layers and maps for the kernels' tests: seeded, so a failure repeats.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "core/aligned.hpp"
#include "core/fp16.hpp"
#include "npu/kernels/conv/variants.hpp"
#include "npu/kernels/dpu/elementwise_variants.hpp"
#include "npu/kernels/element.hpp"

namespace ez_rknn::npu::kernels::test {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int operator()(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(engine_); }
  bool chance(int percent) { return (*this)(1, 100) <= percent; }
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return all.begin()[(*this)(0, static_cast<int>(all.size()) - 1)];
  }
  float real(float lo, float hi) { return std::uniform_real_distribution<float>(lo, hi)(engine_); }

 private:
  std::mt19937 engine_;
};

/// check(kind), each a subcase, "kind 0" on: an emulated CPU takes hours for some cases; -sc="kind 3" is a part.
template <class Check>
void for_each_kind(int kinds, Check&& check) {
  for (int kind = 0; kind < kinds; ++kind) SUBCASE(("kind " + std::to_string(kind)).c_str()) check(kind);
}

/// A map with gaps: room after each pixel and row that must keep what it holds.
class TestMap {
 public:
  TestMap(DType type, int height, int width, int channels, int pixel_gap, int row_gap)
      : type_(type), height_(height), width_(width), channels_(channels) {
    const auto size = static_cast<std::ptrdiff_t>(size_of(type));
    pixel_ = (padded_channels(channels) + pixel_gap) * size;
    row_ = pixel_ * width + row_gap * size;
    memory_ = AlignedBuffer(static_cast<std::size_t>(row_ * height) + 64);
  }
  Map map() { return {memory_.data(), pixel_, row_}; }
  ConstMap view() const { return {memory_.data(), pixel_, row_}; }
  std::byte* at(int y, int x, int c) {
    return memory_.data() + y * row_ + x * pixel_ + c * static_cast<std::ptrdiff_t>(size_of(type_));
  }
  int height() const { return height_; }
  int width() const { return width_; }
  int channels() const { return channels_; }
  DType type() const { return type_; }
  std::size_t bytes() const { return memory_.size(); }
  const std::byte* data() const { return memory_.data(); }
  /// What a kernel must leave alone keeps this.
  void mark() { std::fill_n(memory_.data(), memory_.size(), std::byte{0x5a}); }

  /// Values in the whole range of the type, extremes often; channel padding holds 0, gaps hold garbage.
  void randomise(Random& random, float scale = 2.0f) {
    for (std::size_t i = 0; i < memory_.size(); ++i) memory_.data()[i] = static_cast<std::byte>(random(0, 255));
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x)
        for (int c = 0; c < padded_channels(channels_); ++c) {
          std::byte* p = at(y, x, c);
          if (c >= channels_) std::fill_n(p, size_of(type_), std::byte{0});
          else if (type_ == DType::f16) store_as(p, float_to_half(random.real(-scale, scale)));
          else if (type_ == DType::bf16) store_as(p, float_to_bfloat(random.real(-scale, scale)));
          else if (type_ == DType::f32) store_as(p, random.real(-scale, scale));
          else if (type_ == DType::i32) store_as(p, random(-2'000'000, 2'000'000));
          else if (random.chance(10)) store_integer(p, type_, random.chance(50) ? lowest_of(type_) : highest_of(type_));
          else store_integer(p, type_, random(static_cast<int>(lowest_of(type_)), static_cast<int>(highest_of(type_))));
        }
  }

 private:
  DType type_;
  int height_, width_, channels_;
  std::ptrdiff_t pixel_ = 0, row_ = 0;
  AlignedBuffer memory_;
};

/// The tails that real files hold (docs/fidelity.md) and a few they do not.
enum class TailKind {
  requantise,   ///< bias, MUL, output converter
  relu,         ///< ... with a lower clamp
  clip,         ///< ... with both
  look_up,      ///< BN into the table's domain
  add_operand,  ///< ... plus an operand from memory, then a lower clamp
  mul_operand,  ///< operand times value
  prelu,        ///< BS and BN both scale negative values
  per_layer,    ///< no MUL table
  plain,        ///< nothing but the output converter
  wide_output,  ///< int16
  raw_output,   ///< int32
  real_output,  ///< f16
  per_channel_operand,
  anything,  ///< every part at random
  count
};

/// @param reach  about the largest accumulator
DpuLayer random_layer(Random& random, TailKind kind, int channels, double reach);
DpuLayer random_real_layer(Random& random, int kind, int channels);
constexpr int kRealTails = 10;

std::string describe(const ConvShape& s);

/// Number of elements in which the maps differ by more than `tolerance` (0: bit for bit, gaps included).
int differences(const TestMap& a, const TestMap& b);
/// Twice what storing a real in this type may change it by, relatively.
constexpr double unit_of(DType t) { return t == DType::f16 ? 0x1p-10 : t == DType::bf16 ? 0x1p-7 : 0x1p-20; }
/// The largest |a - b| / (absolute + relative * |b|) over the elements.
double worst_ratio(TestMap& a, TestMap& b, double absolute, double relative);

}  // namespace ez_rknn::npu::kernels::test
