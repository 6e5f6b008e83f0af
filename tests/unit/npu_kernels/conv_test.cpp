// Every convolution kernel against the reference: bit for bit for integers, within a bound for reals.
#include <doctest/doctest.h>

#include <map>

#include "core/fp16.hpp"
#include "layers.hpp"
#include "npu/kernels/conv/transposed.hpp"
#include "scalar_tiles.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::kernels;
using namespace ez_rknn::npu::kernels::test;

namespace {

ConvShape random_shape(Random& random, bool depthwise) {
  ConvShape s;
  s.depthwise = depthwise;
  s.in_c = random.one_of({1, 2, 3, 4, 5, 8, 16, 17, 24, 32, 33, 48, 64, 96, 130});
  s.out_c = depthwise ? s.in_c : random.one_of({1, 2, 3, 5, 16, 17, 24, 32, 33, 48, 64, 65});
  s.kernel_h = random.one_of({1, 1, 2, 3, 3, 5, 7}), s.kernel_w = random.chance(70) ? s.kernel_h : random(1, 7);
  s.stride_h = random.one_of({1, 1, 2, 3}), s.stride_w = random.chance(80) ? s.stride_h : random(1, 4);
  if (random.chance(20)) s.dilation_h = random(1, 3), s.dilation_w = random(1, 3);
  if (random.chance(15)) s.insert_h = random(1, 3), s.insert_w = random(1, 3);
  s.pad_top = random.chance(50) ? random(0, s.kernel_h) : 0, s.pad_left = random.chance(50) ? random(0, s.kernel_w) : 0;
  s.in_h = random(1, 20), s.in_w = random(1, random.chance(20) ? 90 : 24);
  // Bottom and right padding follow from the output size: from none to more than the kernel.
  const auto outputs = [&](int in, int insert, int pad, int kernel, int dilation, int stride) {
    const int most = (in - 1) * insert + 1 + pad - (kernel - 1) * dilation - 1 + (random.chance(50) ? random(0, 3) : 0);
    return std::max(most < 0 ? 1 : most / stride + 1, 1);
  };
  s.out_h = outputs(s.in_h, s.insert_h, s.pad_top, s.kernel_h, s.dilation_h, s.stride_h);
  s.out_w = outputs(s.in_w, s.insert_w, s.pad_left, s.kernel_w, s.dilation_w, s.stride_w);
  if (random.chance(25)) {  // plain 1x1 over the whole map
    s.kernel_h = s.kernel_w = s.stride_h = s.stride_w = s.insert_h = s.insert_w = 1;
    s.pad_top = s.pad_left = 0, s.out_h = s.in_h, s.out_w = s.in_w;
  }
  return s;
}

/// What the transforms of 4x4 pixels take, with and without padding, of even and odd sizes, smaller than a tile too.
ConvShape square_window(ConvShape s) {
  s.kernel_h = s.kernel_w = 3;
  s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = s.insert_h = s.insert_w = 1;
  s.pad_top %= 4, s.pad_left %= 4;
  return s;
}

ConvShape strided_window(ConvShape s) {
  s = square_window(s);
  s.stride_h = s.stride_w = 2;
  return s;
}

/// More weights than are kept transformed, of halves for either stride; the last groups of channels are not full.
ConvShape many_weights(ConvShape s) {
  s = s.in_c % 2 ? square_window(s) : strided_window(s);
  s.in_c = 130 + s.in_c % 20, s.out_c = 129 + s.out_c % 30;
  return s;
}

/// What sums of halves take: 1x1, whole groups in each half of the channels; even and odd numbers of pixels.
ConvShape halves_of_channels(ConvShape s) {
  s.kernel_h = s.kernel_w = s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = s.insert_h = s.insert_w = 1;
  s.pad_top = s.pad_left = 0;
  s.out_h = s.in_h, s.out_w = s.in_w;
  s.in_c = 32 * (1 + s.in_c % 3), s.out_c = 32 * (1 + s.out_c % 3);
  return s;
}

/// Transposed, an input pixel beside the other's outputs, with few channels.
ConvShape one_tap(ConvShape s) {
  s.insert_h = s.kernel_h = 1 + s.kernel_h % 3, s.insert_w = s.kernel_w = 1 + s.kernel_w % 3;
  s.stride_h = s.stride_w = s.dilation_h = s.dilation_w = 1;
  s.pad_top = s.kernel_h - 1, s.pad_left = s.kernel_w - 1;
  s.out_h = s.in_h * s.insert_h, s.out_w = s.in_w * s.insert_w;
  s.out_c = 1 + s.out_c % 4;
  return s;
}

/// Small windows of a picture, which are gathered.
ConvShape picture_window(ConvShape s) {
  s.in_c = 3 + s.in_c % 2;
  s.kernel_h = 1 + s.kernel_h % 4, s.kernel_w = 2 + s.kernel_w % 3;
  s.dilation_h = s.dilation_w = s.insert_h = s.insert_w = 1;
  return s;
}

struct Maps {
  TestMap in, operand, expected, got;
};

Maps random_maps(Random& random, const ConvShape& s, DType input, const DpuLayer& tail) {
  const bool one = tail.ew && tail.ew->per_channel;
  const int gap = random.chance(50) ? 0 : 16, row_gap = random.chance(50) ? 0 : random(1, 40);
  Maps m{{input, s.in_h, s.in_w, s.in_c, gap, row_gap},
         {tail.operand_type, one ? 1 : s.out_h, one ? 1 : s.out_w, s.out_c, gap, 0},
         {tail.out_type, s.out_h, s.out_w, s.out_c, gap, row_gap},
         {tail.out_type, s.out_h, s.out_w, s.out_c, gap, row_gap}};
  m.in.randomise(random);
  m.operand.randomise(random);
  return m;
}

void run(const Conv& conv, const Maps& m, TestMap& out, Team& team) {
  out.mark();
  AlignedBuffer scratch(conv.scratch_bytes(team.size()));
  for (std::size_t i = 0; i < scratch.size(); ++i)
    scratch.data()[i] = std::byte{0x7f};  // a kernel must not rely on zeros
  conv.run(m.in.view(), m.operand.view(), out.map(), team, {scratch.data(), scratch.size()});
}

/// Every kernel allowed here that takes the layer, with its name.
std::vector<std::pair<std::string, std::unique_ptr<Conv>>> kernels_of(const ConvJob& job) {
  std::vector<std::pair<std::string, std::unique_ptr<Conv>>> found;
  for (const ConvVariant& v : conv_variants())
    if (v.isa != cpu::Isa::ref && cpu::allows(v.isa))
      if (auto conv = v.make(job)) found.emplace_back(v.name, std::move(conv));
  if (auto conv = make_transposed(job, std::nullopt)) found.emplace_back("transposed", std::move(conv));
  return found;
}

/// How often each kernel computed a case: a kernel that refuses everything is no tested kernel.
std::map<std::string, int> used;

void compare_integer(unsigned seed, TailKind kind, bool depthwise, Team& team, bool wide = false,
                     ConvShape (*special)(ConvShape) = nullptr) {
  Random random(seed);
  const ConvInput input = wide ? ConvInput::i16 : ConvInput::i8;
  ConvShape s = random_shape(random, depthwise);
  if (special) s = special(s);
  s.pad_value = random(-128, 127);
  const int inputs = s.kernel_h * s.kernel_w * (depthwise ? 1 : s.in_c);
  DpuLayer tail =
      random_layer(random, kind, s.out_c, (wide ? 74.0 * 74 * 256 * 256 : 74.0 * 74.0) * std::sqrt(inputs) * 2);
  const bool folded = random.chance(25);
  const int lowest = wide ? -32768 : folded ? -255 : -128, highest = -lowest - (folded && !wide ? 0 : 1);
  ConvWeights weights;
  for (int i = 0; i < s.out_c * inputs; ++i)
    weights.integers.push_back(static_cast<std::int16_t>(random.chance(10) ? (random.chance(50) ? lowest : highest)
                                                                           : random(lowest, highest)));
  if (random.chance(60))
    for (int c = random.chance(80) ? s.out_c : 1; c > 0; --c) tail.ow.values.push_back(random(-128, 128));
  Maps m = random_maps(random, s, wide ? DType::i16 : DType::i8, tail);
  run(*prepare_conv(s, input, weights, tail, cpu::Isa::ref), m, m.expected, team);
  for (const auto& [name, conv] : kernels_of({s, input, weights, tail})) {
    ++used[name];
    run(*conv, m, m.got, team);
    CAPTURE(name);
    CAPTURE(seed);
    CAPTURE(describe(s));
    CAPTURE(static_cast<int>(kind));
    REQUIRE_EQ(differences(m.expected, m.got), 0);
  }
}

/// What 16 and 32 bits have to hold in between is greatest where all values are at an end of their type, with signs
/// that the transforms add up or that alternate. Winograd's products keep weights as bytes, those that a window-sum
/// factor moves (`ow`) less a base, or, where they span more, as 16 bits: up to 227 for the larger tiles.
void compare_extremes(int in_c, int stride, int least, int most, int ow, Team& team) {
  Random random(static_cast<unsigned>(in_c));
  ConvShape s;
  s.in_c = in_c, s.out_c = 41 - in_c;
  s.kernel_h = s.kernel_w = 3;
  s.in_h = s.out_h = 1 + in_c % 11, s.in_w = s.out_w = 14 - in_c % 13;
  s.stride_h = s.stride_w = stride;
  s.in_h *= stride, s.in_w *= stride;
  s.pad_top = s.pad_left = 1;
  s.pad_value = in_c % 2 ? 127 : -128;
  DpuLayer tail = random_layer(random, TailKind::requantise, s.out_c, 128.0 * 128 * 9 * in_c);
  if (ow) tail.ow.values.assign(static_cast<std::size_t>(s.out_c), ow);
  for (int pattern = 0; pattern < 4; ++pattern) {
    const auto sign = [&](int x, int y) {
      return pattern == 0 ? 1 : pattern == 1 ? (x + y) % 2 : pattern == 2 ? x % 2 : random(0, 1);
    };
    ConvWeights weights;
    for (int i = 0; i < s.out_c * s.in_c; ++i)
      for (int k = 0; k < 9; ++k)
        weights.integers.push_back(static_cast<std::int16_t>(sign(k % 3, k / 3) ? most : least));
    Maps m = random_maps(random, s, DType::i8, tail);
    for (int y = 0; y < s.in_h; ++y)
      for (int x = 0; x < s.in_w; ++x)
        for (int c = 0; c < s.in_c; ++c) *m.in.at(y, x, c) = static_cast<std::byte>(sign(x, y) ? 127 : -128);
    run(*prepare_conv(s, ConvInput::i8, weights, tail, cpu::Isa::ref), m, m.expected, team);
    for (const auto& [name, conv] : kernels_of({s, ConvInput::i8, weights, tail})) {
      run(*conv, m, m.got, team);
      CAPTURE(name);
      CAPTURE(describe(s));
      CAPTURE(pattern);
      REQUIRE_EQ(differences(m.expected, m.got), 0);
    }
  }
}

/// The loops around tile registers, with these in plain C++.
int compare_tiles(unsigned seed, TailKind kind) {
  Random random(seed);
  ConvShape s = random_shape(random, false);
  s.pad_value = random(-128, 127);
  const int inputs = s.kernel_h * s.kernel_w * s.in_c;
  const DpuLayer tail = random_layer(random, kind, s.out_c, 74.0 * 74.0 * std::sqrt(inputs) * 2);
  ConvWeights weights;
  for (int i = 0; i < s.out_c * inputs; ++i) weights.integers.push_back(static_cast<std::int16_t>(random(-128, 127)));
  DpuLayer with_sums = tail;
  if (random.chance(60))
    for (int c = 0; c < s.out_c; ++c) with_sums.ow.values.push_back(random(-128, 128));
  const auto conv = make_dense({s, ConvInput::i8, weights, with_sums}, kScalarTileVariant);
  if (!conv) return 0;
  Team one(1);
  Maps m = random_maps(random, s, DType::i8, with_sums);
  run(*prepare_conv(s, ConvInput::i8, weights, with_sums, cpu::Isa::ref), m, m.expected, one);
  open_series = closed_series = 0;
  run(*conv, m, m.got, one);
  CAPTURE(seed);
  CAPTURE(describe(s));
  CAPTURE(static_cast<int>(kind));
  REQUIRE_EQ(differences(m.expected, m.got), 0);
  CHECK_GT(open_series, 0);
  CHECK_EQ(open_series, closed_series);  // tile registers are given back
  return 1;
}

/// Layers that went by bf16 parts of halves in plain C++.
int parts_done = 0;

/// f32 accumulation of n products of values up to 2: each addition may err by half a unit of the running sum, which
/// n * 4 bounds; a stored short real adds half a unit of its own, and a unit more where both lie on either side of a
/// tie.
void compare_real(unsigned seed, int kind, bool depthwise, ConvInput input, Team& team,
                  ConvShape (*special)(ConvShape) = nullptr) {
  Random random(seed);
  ConvShape s = random_shape(random, depthwise);
  if (special) s = special(s);
  const int inputs = s.kernel_h * s.kernel_w * (depthwise ? 1 : s.in_c);
  DpuLayer tail = random_real_layer(random, kind, s.out_c);
  ConvWeights weights;
  const float size = 2.0f / std::sqrt(static_cast<float>(inputs));
  const bool halves = random.chance(50);  // some kernels keep those as they are
  for (int i = 0; i < s.out_c * inputs; ++i) {
    const float w = random.real(-size, size);
    weights.reals.push_back(halves ? round_to_half(w) : w);
  }
  Maps m = random_maps(random, s,
                       input == ConvInput::f16    ? DType::f16
                       : input == ConvInput::bf16 ? DType::bf16
                                                  : DType::f32,
                       tail);
  run(*prepare_conv(s, input, weights, tail, cpu::Isa::ref), m, m.expected, team);
  const double slope = kind == 4 || kind == 8 ? 1000.0 * 60 / 32 / 4096 : 4;  // what the tail multiplies an error with
  const double absolute = inputs * 2.0 * static_cast<double>(size) * 0x1p-23 * slope + 1e-6;
  const double relative = unit_of(tail.out_type);
  const auto check = [&](std::string_view name, const Conv& conv) {
    run(conv, m, m.got, team);
    CAPTURE(name);
    CAPTURE(seed);
    CAPTURE(describe(s));
    CAPTURE(kind);
    REQUIRE_LE(worst_ratio(m.got, m.expected, absolute, relative), 1.0);
  };
  for (const auto& [name, conv] : kernels_of({s, input, weights, tail})) {
    ++used[name];
    check(name, *conv);
  }
  if (const auto conv = make_dense({s, input, weights, tail}, kScalarPartVariant)) {
    ++parts_done;
    check("conv_f16/scalar_parts", *conv);
  }
}

/// compare(seed, kind, team) for `layers` layers of each kind of tail, by one thread and by two in turn.
template <class Compare>
void for_every_tail(unsigned seeds, unsigned layers, Compare&& compare) {
  Team one(1), two(2);
  for_each_kind(static_cast<int>(TailKind::count), [&](int kind) {
    for (unsigned i = 0; i < layers; ++i)
      compare(seeds * static_cast<unsigned>(kind) + i, static_cast<TailKind>(kind), i % 2 ? one : two);
  });
}

}  // namespace

TEST_CASE("integer convolutions equal the reference bit for bit, with every tail") {
  for_every_tail(1000, 60, [](unsigned seed, TailKind kind, Team& team) {
    for (bool depthwise : {false, true}) compare_integer(seed, kind, depthwise, team);
  });
}

TEST_CASE("3x3 convolutions of integers equal the reference bit for bit, with every tail") {
  for_every_tail(11000, 12, [](unsigned seed, TailKind kind, Team& team) {
    compare_integer(seed, kind, false, team, false, square_window);
    compare_integer(seed, kind, false, team, false, strided_window);
  });
}

namespace {

/// Weights as wide as unsymmetrical ones are, wherever they lie, before a ReLU, which leaves -128 of negative values.
/// `picture`: pixels of kFewChannels, for the kernel that gathers windows of these.
void compare_before_relu(unsigned seed, const ConvShape& shape, Random& random, Team& team, bool picture = false) {
  ConvShape s = shape;
  s.pad_value = random(-128, 127);
  const int inputs = s.kernel_h * s.kernel_w * (s.depthwise ? 1 : s.in_c);
  DpuLayer tail = random_layer(random, random.one_of({TailKind::relu, TailKind::clip}), s.out_c,
                               74.0 * 74.0 * std::sqrt(inputs) * 3);
  tail.out.offset = -128;
  if (random.chance(30))
    for (int c = 0; c < s.out_c; ++c) tail.ow.values.push_back(random(-40, 40));
  ConvWeights weights;
  for (int c = 0; c < s.out_c; ++c) {
    const int lowest = random(-255, 0) - (tail.ow ? tail.ow[static_cast<std::size_t>(c)] : 0);
    for (int i = 0; i < inputs; ++i)
      weights.integers.push_back(
          static_cast<std::int16_t>(random.chance(10) ? lowest + random(0, 1) * 255 : random(lowest, lowest + 255)));
  }
  Maps m = random_maps(random, s, DType::i8, tail);
  if (picture) {
    m.in = TestMap(DType::i8, s.in_h, s.in_w, s.in_c, kFewChannels - kChannelAlign, 0);
    m.in.randomise(random);
  }
  run(*prepare_conv(s, ConvInput::i8, weights, tail, cpu::Isa::ref), m, m.expected, team);
  for (const auto& [name, conv] : kernels_of({s, ConvInput::i8, weights, tail})) {
    if (picture && !name.starts_with("pointwise")) continue;
    ++used[picture ? "pointwise of pictures" : name];
    CAPTURE(name);
    CAPTURE(seed);
    CAPTURE(describe(s));
    run(*conv, m, m.got, team);
    REQUIRE_EQ(differences(m.expected, m.got), 0);
  }
}

}  // namespace

TEST_CASE("depthwise windows of 3x3 and 5x5 before a ReLU equal the reference bit for bit") {
  Team one(1), two(2);
  for (unsigned seed = 0; seed < 400; ++seed) {
    Random random(seed);
    ConvShape s = random_shape(random, true);
    s.in_c = s.out_c = random.one_of({7, 16, 32, 33, 48, 64, 96, 144, 200});
    s.kernel_h = s.kernel_w = seed % 2 ? 3 : 5, s.stride_h = s.stride_w = 1 + static_cast<int>(seed / 2 % 2);
    s.dilation_h = s.dilation_w = s.insert_h = s.insert_w = 1;
    if (random.chance(20)) s.in_w = random(100, 150), s.out_w = s.in_w / s.stride_w;
    compare_before_relu(seed, s, random, seed % 3 ? one : two);
  }
}

TEST_CASE("1x1 windows before a ReLU equal the reference bit for bit") {
  Team one(1), two(2);
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    ConvShape s;
    s.in_c = random.one_of({1, 3, 16, 24, 33, 64, 130, 300, 512});
    s.out_c = random.one_of({5, 16, 32, 33, 48, 64, 96, 144, 200, s.in_c > 200 ? 1100 : 320});
    s.out_h = random(1, 20), s.out_w = random.one_of({1, 7, 8, 14, random(1, 40)});
    s.stride_h = s.stride_w = random.chance(80) ? 1 : 2;
    s.in_h = (s.out_h - 1) * s.stride_h + random(1, 2), s.in_w = (s.out_w - 1) * s.stride_w + random(1, 2);
    compare_before_relu(seed, s, random, seed % 3 ? one : two);
  }
}

TEST_CASE("small windows of pictures before a ReLU equal the reference bit for bit") {
  Team one(1), two(2);
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    ConvShape s = random_shape(random, false);
    s.in_c = random(3, 4);
    s.kernel_h = random(1, 4), s.kernel_w = random(2, 4), s.stride_h = random(1, 2), s.stride_w = random(1, 3);
    s.dilation_h = s.dilation_w = s.insert_h = s.insert_w = 1;
    if (random.chance(20)) s.in_w = random(30, 90), s.out_w = s.in_w / s.stride_w + random(0, 2);
    compare_before_relu(seed, s, random, seed % 3 ? one : two, true);
  }
  if (cpu::allows(cpu::Isa::avx512vnni)) CHECK_GT(used["pointwise of pictures"], 50);
}

TEST_CASE("small windows of pictures equal the reference bit for bit, with every tail") {
  for_every_tail(17000, 12, [](unsigned seed, TailKind kind, Team& team) {
    compare_integer(seed, kind, false, team, false, picture_window);
  });
}

TEST_CASE("1x1 convolutions by sums of halves equal the reference bit for bit, with every tail") {
  for_every_tail(15000, 16, [](unsigned seed, TailKind kind, Team& team) {
    compare_integer(seed, kind, false, team, false, halves_of_channels);
  });
}

TEST_CASE("3x3 convolutions of 1 to 40 channels at the ends of int8 equal the reference bit for bit") {
  Team one(1);
  for (int in_c = 1; in_c <= 40; ++in_c)
    for (int stride : {1, 2}) {
      compare_extremes(in_c, stride, -128, 127, 0, one);
      compare_extremes(in_c, stride, -128, 127, 90, one);
      compare_extremes(in_c, stride, -227, 227, 0, one);
    }
}

TEST_CASE("1x1 layers that keep their weights as bytes equal the reference bit for bit") {
  Team one(1), two(2);
  // Moved by a window-sum factor they are bytes less a base; those that span more stay as they are.
  struct Weights {
    int least, most, ow;
    bool bytes;
  };
  for (const auto [least, most, ow, bytes] : {Weights{-128, 127, 0, true}, Weights{-128, 127, 90, true},
                                              Weights{-255, 0, 0, true}, Weights{-200, 200, 0, false}})
    for (int in_c : {257, 320, 513})
      for (int stride : {1, 2}) {
        Random random(static_cast<unsigned>(in_c + stride));
        ConvShape s;
        s.in_c = in_c, s.out_c = 390;  // the last group is half of one
        s.stride_h = s.stride_w = stride;
        s.out_h = 7, s.out_w = 8, s.in_h = 7 * stride, s.in_w = 8 * stride - 1 + stride % 2;
        DpuLayer tail = random_layer(random, TailKind::requantise, s.out_c, 128.0 * 128 * std::sqrt(in_c));
        if (ow) tail.ow.values.assign(static_cast<std::size_t>(s.out_c), ow);
        ConvWeights weights;
        for (int i = 0; i < s.out_c * in_c; ++i)
          weights.integers.push_back(
              static_cast<std::int16_t>(random.chance(10) ? random.one_of({least, most}) : random(least, most)));
        Maps m = random_maps(random, s, DType::i8, tail);
        run(*prepare_conv(s, ConvInput::i8, weights, tail, cpu::Isa::ref), m, m.expected, one);
        for (const auto& [name, conv] : kernels_of({s, ConvInput::i8, weights, tail})) {
          CAPTURE(name);
          CAPTURE(least);
          CAPTURE(ow);
          CAPTURE(describe(s));
          if (name == "conv_i8/avx2")
            CHECK_EQ(conv->packed_bytes(), std::size_t(400) * std::size_t(in_c + in_c % 2) * (bytes ? 1 : 2));
          for (Team* team : {&one, &two}) {
            run(*conv, m, m.got, *team);
            REQUIRE_EQ(differences(m.expected, m.got), 0);
          }
        }
      }
}

#if defined(__x86_64__)
namespace {

/// The kernel that a 3x3 layer of as many channels in as out, into `size` pixels squared, is given on AVX2.
std::string kernel_of_square(int channels, int size, ConvInput input, const ConvWeights& weights, DpuLayer tail,
                             int stride = 1) {
  ConvShape s;
  s.in_c = s.out_c = tail.channels = channels;
  s.out_h = s.out_w = size, s.in_h = s.in_w = size * stride;
  s.kernel_h = s.kernel_w = 3, s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = 1;
  return std::string(prepare_conv(s, input, weights, tail, cpu::Isa::avx2)->kernel());
}

}  // namespace

TEST_CASE("3x3 convolutions of int8 go by the tiles that pay, and only where 32 bits hold their sums") {
  if (!cpu::allows(cpu::Isa::avx2)) return;
  const auto kernel = [](int channels, int size, std::int16_t weight, int stride = 1) {
    ConvWeights weights;
    weights.integers.assign(static_cast<std::size_t>(channels * channels * 9), weight);
    DpuLayer tail;
    tail.out.shift = 20;
    return kernel_of_square(channels, size, ConvInput::i8, weights, tail, stride);
  };
  CHECK_EQ(kernel(8, 24, 127), "conv_i8/avx2");
  CHECK_EQ(kernel(64, 6, 127), "winograd_i8/avx2");  // four tiles would leave registers empty
  CHECK_EQ(kernel(24, 24, 127), "winograd4_i8/avx2");
  CHECK_EQ(kernel(24, 24, 227), "winograd4_i8/avx2");
  CHECK_EQ(kernel(24, 24, 228), "winograd_i8/avx2");  // 144 times that is beyond int16
  CHECK_EQ(kernel(384, 8, 1), "winograd4_i8/avx2");
  CHECK_EQ(kernel(160, 12, 127), "winograd4_i8/avx2");
  CHECK_EQ(kernel(256, 14, 1), "winograd4_i8/avx2");
  CHECK_EQ(kernel(256, 20, 1), "winograd4_i8/avx2");
  CHECK_EQ(kernel(8, 24, 127, 2), "conv_i8/avx2");
  CHECK_EQ(kernel(32, 24, 255, 2), "winograd_strided_i8/avx2");
  CHECK_EQ(kernel(20, 40, 1, 2), "conv_i8/avx2");  // whole groups of sixteen channels: 32
  CHECK_EQ(kernel(512, 7, 1, 2), "winograd_strided_i8/avx2");
}

TEST_CASE("1x1 convolutions of int8 go by sums of halves where that pays, and only where 16 bits hold those") {
  if (!cpu::allows(cpu::Isa::avx2)) return;
  const auto kernel = [](int in_c, int out_c, int size, int ow = 0) {
    ConvShape s;
    s.in_c = in_c, s.out_c = out_c;
    s.in_h = s.out_h = s.in_w = s.out_w = size;
    ConvWeights weights;
    weights.integers.assign(static_cast<std::size_t>(in_c * out_c), 127);
    DpuLayer tail;
    tail.channels = out_c, tail.out.shift = 20;
    if (ow) tail.ow.values = {ow};
    return prepare_conv(s, ConvInput::i8, weights, tail, cpu::Isa::avx2)->kernel();
  };
  CHECK_EQ(kernel(64, 256, 56), "strassen_i8/avx2");
  CHECK_EQ(kernel(96, 64, 12, 16000), "strassen_i8/avx2");
  CHECK_EQ(kernel(96, 64, 12, 16384), "conv_i8/avx2");
  CHECK_EQ(kernel(96, 48, 12), "conv_i8/avx2");
  CHECK_EQ(kernel(48, 96, 12), "conv_i8/avx2");
  CHECK_EQ(kernel(512, 2048, 7), "conv_i8/avx2");  // the weights would take more memory for few pixels
}

TEST_CASE("3x3 convolutions of halves go by the tiles that pay") {
  if (!cpu::allows(cpu::Isa::avx2)) return;
  const auto kernel = [](int channels, int size, int stride = 1) {
    ConvWeights weights;
    weights.reals.assign(static_cast<std::size_t>(channels * channels * 9), 0.5f);
    DpuLayer tail;
    tail.real = true, tail.out_type = DType::f16;
    return kernel_of_square(channels, size, ConvInput::f16, weights, tail, stride);
  };
  CHECK_EQ(kernel(16, 2), "conv_f16_f16/avx2");
  CHECK_EQ(kernel(64, 6), "winograd_f16/avx2");
  CHECK_EQ(kernel(16, 80), "winograd4_f16/avx2");
  CHECK_EQ(kernel(128, 28), "winograd4_f16/avx2");
  CHECK_EQ(kernel(128, 28, 2), "winograd_strided_f16/avx2");
  CHECK_EQ(kernel(8, 28, 2), "conv_f16_f16/avx2");
  CHECK_EQ(kernel(256, 14), "winograd4_f16/avx2");
  CHECK_EQ(kernel(512, 7), "winograd_f16/avx2");
}
#endif

TEST_CASE("transposed convolutions of few channels and one tap an output equal the reference bit for bit") {
  for_every_tail(13000, 20, [](unsigned seed, TailKind kind, Team& team) {
    compare_integer(seed, kind, false, team, false, one_tap);
  });
}

TEST_CASE("convolutions by tiles equal the reference bit for bit") {
  int done = 0;
  for (int kind = 0; kind < static_cast<int>(TailKind::count); ++kind)
    for (unsigned i = 0; i < 60; ++i)
      done += compare_tiles(3000 * static_cast<unsigned>(kind) + i, static_cast<TailKind>(kind));
  CHECK_GT(done, 100);
}

TEST_CASE("convolutions of int16 equal the reference bit for bit") {
  for_every_tail(7000, 15, [](unsigned seed, TailKind kind, Team& team) {
    for (bool depthwise : {false, true}) compare_integer(seed, kind, depthwise, team, true);
  });
}

TEST_CASE("real convolutions stay within the rounding of their sums") {
  Team one(1), two(2);
  for_each_kind(kRealTails, [&](int kind) {
    for (unsigned i = 0; i < 40; ++i)
      for (bool depthwise : {false, true})
        for (ConvInput input : {ConvInput::f16, ConvInput::bf16, ConvInput::f32})
          compare_real(500 * static_cast<unsigned>(kind) + i, kind, depthwise, input, i % 2 ? one : two);
  });
}

TEST_CASE("3x3 convolutions of reals stay within the rounding of their sums") {
  Team one(1), two(2);
  for_each_kind(kRealTails, [&](int kind) {
    for (unsigned i = 0; i < 20; ++i)
      for (const auto window : {square_window, strided_window})
        compare_real(9000 * static_cast<unsigned>(kind) + i, kind, false, ConvInput::f16, i % 2 ? one : two, window);
  });
}

TEST_CASE(
    "3x3 convolutions of halves whose weights are transformed in each run stay within the rounding of their sums") {
  Team one(1), two(2);
  for (unsigned i = 0; i < 24; ++i)
    compare_real(60'000 + i, static_cast<int>(i) % kRealTails, false, ConvInput::f16, i % 2 ? one : two, many_weights);
}

TEST_CASE("a bias, an operand and limits that a kernel of halves applies itself give what the tail gives") {
  Team one(1), two(2);
  for (unsigned seed = 70'000; seed < 70'120; ++seed) {
    Random random(seed);
    const ConvShape s = random_shape(random, false);
    ConvWeights weights;
    for (int i = 0; i < s.out_c * s.in_c * s.kernel_h * s.kernel_w; ++i)
      weights.reals.push_back(round_to_half(random.real(-1, 1)));
    DpuLayer itself;
    itself.real = true, itself.channels = s.out_c, itself.out_type = DType::f16;
    itself.bs.emplace().alu = Alu::add;
    for (int c = 0; c < s.out_c; ++c) itself.bs->alu_real.values.push_back(random.real(-3, 3));
    DpuLayer by_tail = itself;  // times one, which is another form
    by_tail.bn.emplace().mul = true;
    by_tail.bn->mul_real.values = {1.0f};
    Clamp limits;
    if (random.chance(80)) limits.lo_real = random.real(-1, 1);
    if (random.chance(50)) limits.hi_real = random.real(1, 6);
    if (random.chance(50)) {
      ElementWise& e = itself.ew.emplace();
      e.op = ElementWise::Op::add, e.from_memory = true, e.clamp = limits;
      itself.operand_type = by_tail.operand_type = DType::f16, by_tail.ew = e;
    } else {
      itself.bs->clamp = by_tail.bn->clamp = limits;
    }
    Maps m = random_maps(random, s, DType::f16, itself);
    const auto left = kernels_of({s, ConvInput::f16, weights, itself});
    const auto right = kernels_of({s, ConvInput::f16, weights, by_tail});
    REQUIRE_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      run(*left[i].second, m, m.got, seed % 2 ? one : two);
      run(*right[i].second, m, m.expected, one);
      CAPTURE(left[i].first);
      CAPTURE(seed);
      CAPTURE(describe(s));
      REQUIRE_EQ(worst_ratio(m.got, m.expected, 1e-30, 0), 0.0);
    }
  }
}

TEST_CASE("a network's input of few channels gives the same in pixels of four elements as of sixteen") {
  Team one(1), two(2);
  for (const auto& [input, type] : {std::pair{ConvInput::i8, DType::i8}, std::pair{ConvInput::i16, DType::i16},
                                    std::pair{ConvInput::f16, DType::f16}, std::pair{ConvInput::bf16, DType::bf16},
                                    std::pair{ConvInput::f32, DType::f32}}) {
    const bool real = is_float(type);
    for (unsigned seed = 80'000; seed < 80'060; ++seed) {
      Random random(seed);
      ConvShape s = random_shape(random, false);
      s.in_c = 1 + s.in_c % kFewChannels;
      s.insert_h = s.insert_w = 1;
      if (!real) s.pad_value = random(-128, 127);
      const int inputs = s.kernel_h * s.kernel_w * s.in_c;
      const DpuLayer tail = real ? random_real_layer(random, 0, s.out_c)
                                 : random_layer(random, TailKind::requantise, s.out_c, 74.0 * 74.0 * inputs);
      ConvWeights weights;
      for (int i = 0; i < s.out_c * inputs; ++i)
        if (real) weights.reals.push_back(round_to_half(random.real(-1, 1)));
        else weights.integers.push_back(static_cast<std::int16_t>(random(-128, 127)));
      Maps m = random_maps(random, s, type, tail);
      TestMap narrow(type, s.in_h, s.in_w, s.in_c, kFewChannels - kChannelAlign, 0);
      for (int y = 0; y < s.in_h; ++y)
        for (int x = 0; x < s.in_w; ++x)
          std::memcpy(narrow.at(y, x, 0), m.in.at(y, x, 0), size_of(type) * static_cast<std::size_t>(s.in_c));
      for (const auto& [name, conv] : kernels_of({s, input, weights, tail})) {
        run(*conv, m, m.expected, one);
        std::swap(m.in, narrow);
        run(*conv, m, m.got, seed % 2 ? one : two);
        std::swap(m.in, narrow);
        CAPTURE(name);
        CAPTURE(seed);
        CAPTURE(describe(s));
        REQUIRE_EQ(worst_ratio(m.got, m.expected, 1e-30, 0), 0.0);
      }
    }
  }
}

TEST_CASE("every kernel allowed here was used by the cases above") {
  CHECK_GT(parts_done, 100);
  for (const ConvVariant& v : conv_variants())
    if (v.isa != cpu::Isa::ref && cpu::allows(v.isa)) {
      CAPTURE(v.name);
      CHECK_GT(used[std::string(v.name)], 50);
    }
  if (cpu::allowed().size() > 1) CHECK_GT(used["transposed"], 50);
}
