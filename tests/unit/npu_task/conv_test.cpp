#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "machine.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::test;

namespace {

struct Conv {
  DType type = DType::i8;
  bool depthwise = false;
  int interleaved = 0;
  int in_c = 1, in_h = 1, in_w = 1, out_c = 1, out_h = 1, out_w = 1;
  int kh = 1, kw = 1, sy = 1, sx = 1, dy = 1, dx = 1, iy = 1, ix = 1, top = 0, left = 0;
  bool group_line_off = false;
  int pad_value = 0;
  int packed_c = 1;  ///< input channels of the packed weights: padded
};

Conv random_conv(Random& r) {
  Conv c;
  c.type = std::array{DType::i8, DType::i8, DType::i16, DType::f16}[static_cast<std::size_t>(r.range(0, 3))];
  const int kind = r.range(0, 3);
  c.depthwise = kind == 1;
  c.interleaved = kind == 2 ? r.range(1, 4) : 0;
  if (kind == 3) c.iy = r.range(1, 3), c.ix = r.range(1, 3);
  c.kh = r.range(1, 4), c.kw = r.range(1, 4), c.dy = r.range(1, 2), c.dx = r.range(1, 2);
  if (kind != 3) c.sy = r.range(0, 3), c.sx = r.range(0, 3);  // 0: a broadcast
  c.in_c = c.interleaved ? c.interleaved : r.range(1, 70), c.in_h = r.range(1, 9), c.in_w = r.range(1, 9);
  c.out_c = c.depthwise ? c.in_c : r.range(1, 40);
  c.top = r.range(0, 3), c.left = r.range(0, 3);
  // Bottom and right borders are what the output size leaves over, here up to 3 beyond the input.
  const int reach_y = (c.in_h - 1) * c.iy + 1 + c.top + r.range(0, 3),
            reach_x = (c.in_w - 1) * c.ix + 1 + c.left + r.range(0, 3);
  c.out_h = c.sy ? std::max(1, (reach_y - (c.kh - 1) * c.dy - 1) / c.sy + 1) : r.range(1, 4);
  c.out_w = c.sx ? std::max(1, (reach_x - (c.kw - 1) * c.dx - 1) / c.sx + 1) : r.range(1, 4);
  c.group_line_off = !c.interleaved && r.chance();
  c.pad_value = c.type == DType::f16 ? 0 : r.range(-128, 127);
  c.packed_c = static_cast<int>(aligned(c.in_c, per_pixel(c.type)));
  return c;
}

double pad_of(const Conv& c) { return c.pad_value; }

/// Input under the kernel, border and inserted pixels included.
double input_at(const Conv& c, const Image& x, int k, int y, int x0) {
  y -= c.top, x0 -= c.left;
  if (y < 0 || x0 < 0 || y % c.iy || x0 % c.ix || y / c.iy >= x.h || x0 / c.ix >= x.w) return pad_of(c);
  return x.at(k, y / c.iy, x0 / c.ix);
}

/// Packed as the CNA wants it; padding channels hold `fill`.
std::vector<std::byte> pack(const Conv& c, const std::vector<double>& w, double fill) {
  std::vector<std::byte> bytes;
  const auto weight = [&](int o, int i, int y, int x) {
    const int channels = c.depthwise ? 1 : c.in_c;
    return i >= channels ? fill : w[static_cast<std::size_t>(((o * channels + i) * c.kh + y) * c.kw + x)];
  };
  if (c.depthwise) {
    const int group = c.type == DType::i8 ? 64 : 32;
    for (int g = 0; g < c.packed_c; g += group)
      for (int y = 0; y < c.kh; ++y)
        for (int x = 0; x < c.kw; ++x)
          for (int k = g; k < std::min(g + group, c.packed_c); ++k)
            append_value(bytes, c.type, k < c.out_c ? weight(k, 0, y, x) : 0);
    return bytes;
  }
  const int group = c.type == DType::i8 ? 32 : 16;
  for (int o = 0; o < c.out_c; o += group)
    for (int i = 0; i < c.packed_c; i += 32)
      for (int y = 0; y < c.kh; ++y)
        for (int x = 0; x < c.kw; ++x)
          for (int k = o; k < std::min(o + group, c.out_c); ++k)
            for (int j = i; j < std::min(i + 32, c.packed_c); ++j) append_value(bytes, c.type, weight(k, j, y, x));
  return bytes;
}

/// CNA and CORE registers of one tile: rows `first` to `first + rows - 1` of the output.
void conv_registers(Machine& m, const Conv& c, int from, int weights, int pitch) {
  const int es = static_cast<int>(size_of(c.type));
  m.write(0x100c, (c.depthwise ? 3u : 0u) | Machine::code(c.type) << 4 | Machine::code(c.type) << 7 |
                      (c.interleaved ? Machine::u(c.interleaved + 7) << 12 : 0) |
                      (c.ix > 1 || c.iy > 1 ? 1u << 16 : 0) | (c.group_line_off ? 1u << 29 : 0));
  m.write(0x1014,
          Machine::u(c.sx | c.sy << 3 | (c.ix - 1) << 8 | (c.iy - 1) << 11 | (c.dx - 1) << 16 | (c.dy - 1) << 21));
  m.write(0x1020, Machine::u(c.in_w << 16 | c.in_h));
  m.write(0x1024, Machine::u(c.interleaved ? c.packed_c : aligned(c.in_c, per_pixel(c.type))));
  m.write(0x1034, Machine::u(c.packed_c * c.kh * c.kw * es));
  m.write(0x1038, Machine::u(c.kw << 24 | c.kh << 16 | (c.depthwise ? 1 : c.out_c)));
  m.write(0x1044, Machine::u(pitch * c.in_h));
  m.write(0x1068, Machine::u(c.left << 4 | c.top));
  m.relocate(0x1070, from);
  const int line = c.group_line_off ? c.in_w : 4 * c.in_w, surface = Machine::surface(c.in_h, c.in_w) / 16;
  m.write(0x107c, Machine::u(line));
  m.write(0x1080, Machine::u(surface - line) & 0xfffffff);  // negative for small maps: 28 bits
  m.relocate(0x1110, weights);
  m.write(0x1184, c.type == DType::f16 ? 0 : Machine::u(c.pad_value));
  m.write(0x3014, Machine::u((c.out_h - 1) << 16 | (c.out_w - 1)));
  m.write(0x3018, Machine::u(c.out_c - 1));
}

std::string describe(const Conv& c) {
  std::string s = std::string(name_of(c.type)) + (c.depthwise ? " depthwise" : "");
  for (int v : {c.interleaved, c.in_c, c.in_h, c.in_w, c.out_c, c.out_h, c.out_w, c.kh, c.kw, c.sy, c.sx, c.dy, c.dx,
                c.iy, c.ix, c.top, c.left})
    s += " " + std::to_string(v);
  return s;
}

}  // namespace

TEST_CASE("random convolutions equal the direct sum over logical values") {
  for (unsigned seed = 0; seed < 150; ++seed) {
    Random r(seed);
    const Conv c = random_conv(r);
    CAPTURE(seed);
    CAPTURE(describe(c));
    const bool real = c.type == DType::f16;
    Machine m;
    const int pitch = c.in_w + r.range(0, 3);
    const int in = m.feature(c.type, c.in_c, c.in_h, c.in_w, c.interleaved, pitch);
    const DType out_type = real ? DType::f32 : DType::i32;  // the accumulator itself
    const int out = m.feature(out_type, c.out_c, c.out_h, c.out_w);
    const auto weights = r.values(static_cast<std::size_t>(c.out_c * (c.depthwise ? 1 : c.in_c) * c.kh * c.kw), c.type);
    const int w = m.constant(pack(c, weights, c.type == DType::i8 ? 77 : 0));  // padding channels hold anything
    conv_registers(m, c, in, w, pitch);
    m.dpu(out_type, c.out_c, c.out_h, c.out_w, out, 0, real);
    m.task(0x0d);
    auto it = m.interpreter();
    REQUIRE_EQ(it.refusal(0), "");
    const Image x(c.in_c, c.in_h, c.in_w, r.values(static_cast<std::size_t>(c.in_c * c.in_h * c.in_w), c.type));
    it.write(in, x.v);
    it.run(0);
    const Image y(c.out_c, c.out_h, c.out_w, it.read(out));
    for (int o = 0; o < c.out_c; ++o)
      for (int oy = 0; oy < c.out_h; ++oy)
        for (int ox = 0; ox < c.out_w; ++ox) {
          double sum = 0, channels = c.depthwise ? 1 : c.in_c;
          // Channels beyond the input exist in its last pixel group and are 0, but the border around them is not.
          for (int i = 0; i < channels; ++i)
            for (int ky = 0; ky < c.kh; ++ky)
              for (int kx = 0; kx < c.kw; ++kx)
                sum +=
                    weights[static_cast<std::size_t>(((o * static_cast<int>(channels) + i) * c.kh + ky) * c.kw + kx)] *
                    input_at(c, x, c.depthwise ? o : i, oy * c.sy + ky * c.dy, ox * c.sx + kx * c.dx);
          if (!c.depthwise && !c.interleaved && c.type == DType::i8)
            for (int i = c.in_c; i < c.packed_c; ++i)
              for (int ky = 0; ky < c.kh; ++ky)
                for (int kx = 0; kx < c.kw; ++kx) {
                  const int py = oy * c.sy + ky * c.dy - c.top, px = ox * c.sx + kx * c.dx - c.left;
                  const bool inside = py >= 0 && px >= 0 && py % c.iy == 0 && px % c.ix == 0 && py / c.iy < c.in_h &&
                                      px / c.ix < c.in_w;
                  sum += inside ? 0 : 77 * pad_of(c);
                }
          REQUIRE_EQ(y.at(o, oy, ox), sum);
        }
  }
}

TEST_CASE("bias, weight offsets and multipliers come from the table, in groups of 8") {
  Random r(5);
  Conv c;
  c.in_c = 16, c.in_h = 5, c.in_w = 6, c.out_c = 19, c.kh = c.kw = 3, c.top = c.left = 1, c.out_h = 5, c.out_w = 6;
  c.packed_c = 16, c.pad_value = -7;
  Machine m;
  const int in = m.feature(DType::i8, 16, 5, 6), out = m.feature(DType::i8, 19, 5, 6);
  const auto weights = r.values(19 * 16 * 9, DType::i8);
  const int w = m.constant(pack(c, weights, 0));
  std::vector<int> bias(24), ow(24), mul(24);
  std::vector<std::byte> table;
  for (int g = 0; g < 24; g += 8) {
    for (int k = g; k < g + 8; ++k)
      append(table, std::int32_t{bias[static_cast<std::size_t>(k)] = r.range(-90000, 90000)});
    for (int k = g; k < g + 8; ++k)
      append(table, static_cast<std::int16_t>(ow[static_cast<std::size_t>(k)] = r.range(-100, 100)));
    for (int k = g; k < g + 8; ++k)
      append(table, static_cast<std::int16_t>(mul[static_cast<std::size_t>(k)] = r.range(4000, 32767)));
  }
  const int t = m.constant(table);
  conv_registers(m, c, in, w, 0);
  m.dpu(DType::i8, 19, 5, 6, out);
  m.write(0x4010, 14u << 4);
  m.write(0x4040, 0x20140);
  m.write(0x4048, 14u << 8 | 1);
  m.write(0x4050, 0);
  m.write(0x4060, 0x12);
  m.write(0x4080, Machine::u(-30));
  m.write(0x4084, 0x6003);
  m.write(0x4088, 25);
  m.write(0x501c, 0xe);
  m.relocate(0x5020, t);
  m.task(0x1d);
  auto it = m.interpreter();
  REQUIRE_EQ(it.refusal(0), "");
  const Image x(16, 5, 6, r.values(16 * 30, DType::i8));
  it.write(in, x.v);
  it.run(0);
  const Image y(19, 5, 6, it.read(out));
  int inside = 0;
  for (int o = 0; o < 19; ++o)
    for (int oy = 0; oy < 5; ++oy)
      for (int ox = 0; ox < 6; ++ox) {
        const auto k = static_cast<std::size_t>(o);
        double v = 0;
        for (int i = 0; i < 16; ++i)
          for (int ky = 0; ky < 3; ++ky)
            for (int kx = 0; kx < 3; ++kx)
              v += (weights[static_cast<std::size_t>(((o * 16 + i) * 3 + ky) * 3 + kx)] + ow[k]) *
                   input_at(c, x, i, oy + ky, ox + kx);
        v = half_away((v + bias[k]) * mul[k], 14);
        v = std::clamp(half_even(std::max(v, 0.0) * 0x6003, 25) - 30, -128.0, 127.0);
        inside += v > -30 && v < 127;
        REQUIRE_EQ(y.at(o, oy, ox), v);
      }
  CHECK_GT(inside, 100);  // the numbers exercise the range
}

TEST_CASE("a convolution cut into tiles, of which the second writes only what differs, equals the whole") {
  Random r(9);
  Conv c;
  c.in_c = 16, c.in_h = 9, c.in_w = 7, c.out_c = 8, c.kh = c.kw = 3, c.top = c.left = 1, c.out_h = 9, c.out_w = 7,
  c.packed_c = 16;
  const auto weights = r.values(8 * 16 * 9, DType::i8);
  const auto x = r.values(16 * 63, DType::i8);
  const auto run = [&](bool tiles) {
    Machine m;
    const int in = m.feature(DType::i8, 16, 9, 7), out = m.feature(DType::i32, 8, 9, 7);
    const int w = m.constant(pack(c, weights, 0));
    m.pointer(1, true);
    m.pointer(3, true);
    m.pointer(4, true);
    Conv first = c;
    if (tiles) first.in_h = 6, first.out_h = 5;
    conv_registers(m, first, in, w, 0);
    const int rest = Machine::surface(9, 7) / 16 - 28;  // the surface stride stays the tensor's
    m.write(0x1080, Machine::u(rest));
    m.dpu(DType::i32, 8, first.out_h, 7, out);
    m.task(0x0d);
    if (tiles) {
      // The second bank starts empty and gets everything; the third task is back in the first bank.
      Conv middle = c;
      middle.in_h = 4, middle.out_h = 2, middle.top = 0;
      conv_registers(m, middle, in, w, 0);
      m.write(0x1080, Machine::u(rest));
      m.relocate(0x1070, in, 4 * 7 * 16);
      m.dpu(DType::i32, 8, 2, 7, out, 5 * 7 * 16);
      m.task(0x0d);
      m.write(0x1020, 7u << 16 | 3);
      m.write(0x1068, 1u << 4);
      m.relocate(0x1070, in, 6 * 7 * 16);
      m.write(0x3014, 1u << 16 | 6);
      m.relocate(0x4020, out, 7 * 7 * 16);
      m.write(0x4034, 1);
      m.task(0x0d);
    }
    auto it = m.interpreter();
    REQUIRE_EQ(it.refusal(0), "");
    it.write(in, x);
    it.run(0);
    return it.read(out);
  };
  CHECK(run(true) == run(false));
}
