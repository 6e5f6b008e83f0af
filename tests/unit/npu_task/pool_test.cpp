#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>

#include "machine.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::test;

TEST_CASE("random pooling tasks equal a direct walk over the windows") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random r(seed);
    const DType type = std::array{DType::i8, DType::i16, DType::f16}[static_cast<std::size_t>(r.range(0, 2))];
    const bool real = type == DType::f16;
    const int method = r.range(0, 2), kh = r.range(1, 5), kw = r.range(1, 5), sy = r.range(1, 3), sx = r.range(1, 3);
    const int c = r.range(1, 40), h = r.range(1, 9), w = r.range(1, 9), top = r.range(0, kh - 1),
              left = r.range(0, kw - 1);
    const int oh = std::max(1, (h + 2 * top - kh) / sy + 1), ow = std::max(1, (w + 2 * left - kw) / sx + 1);
    const int pad = r.range(-100, 100);
    const Image x(c, h, w, r.values(static_cast<std::size_t>(c * h * w), type));
    Machine m;
    const int in = m.feature(type, c, h, w), out = m.feature(type, c, oh, ow);
    const auto write = [&](std::uint16_t reg, std::int64_t v) { m.write(reg, Machine::u(v)); };
    write(0x600c, w - 1);
    write(0x6010, h - 1);
    write(0x6014, c - 1);
    write(0x6018, ow - 1);
    write(0x601c, oh - 1);
    write(0x6024, 0x10 | method);
    write(0x6034, (sy - 1) << 20 | (sx - 1) << 16 | (kh - 1) << 8 | (kw - 1));
    const auto part = [&](int side) {
      return real ? static_cast<int>(float_to_half(65536.0f / static_cast<float>(side))) : 65536 / side;
    };
    // Files have infinity for a side of 1, since 65536 is no half; the largest half is met as well.
    write(0x6038, real && kw == 1 && seed % 2 ? 0x7bff : part(kw));
    write(0x603c, real && kh == 1 && seed % 2 ? 0x7bff : part(kh));
    write(0x6040, top << 4 | left);
    write(0x6044, pad);
    write(0x6048, pad < 0 ? 7 : 0);
    m.relocate(0x6070, out);
    write(0x607c, Machine::surface(oh, ow));
    write(0x6084, Machine::code(type));
    m.relocate(0x701c, in);
    write(0x7024, w * 16);
    write(0x7028, Machine::surface(h, w));
    m.task(0x60);
    auto it = m.interpreter("MaxPool");
    REQUIRE_EQ(it.refusal(0), "");
    it.write(in, x.v);
    it.run(0);
    const Image y(c, oh, ow, it.read(out));
    const double lowest = type == DType::i8    ? -128
                          : type == DType::i16 ? -32768
                                               : -std::numeric_limits<double>::infinity();
    const double highest = real ? -lowest : -lowest - 1;
    for (int k = 0; k < c; ++k)
      for (int i = 0; i < oh; ++i)
        for (int j = 0; j < ow; ++j) {
          double sum = 0, most = lowest, least = highest;
          for (int a = 0; a < kh; ++a)
            for (int b = 0; b < kw; ++b) {
              const int py = i * sy + a - top, px = j * sx + b - left;
              const bool inside = py >= 0 && px >= 0 && py < h && px < w;
              if (inside) most = std::max(most, x.at(k, py, px)), least = std::min(least, x.at(k, py, px));
              sum += inside ? x.at(k, py, px) : real ? 0 : pad;
            }
          double want = method == 1 ? most : least;
          if (method == 0) {
            const auto reciprocal = [&](int side) {
              return real ? (side == 1 ? (seed % 2 ? 65504.0 : 65536.0)
                                       : static_cast<double>(half_to_float(static_cast<std::uint16_t>(part(side)))))
                          : part(side);
            };
            want = sum * reciprocal(kw) * reciprocal(kh) / 4294967296.0;
            want = real ? round_to_half(static_cast<float>(want)) : std::nearbyint(want);
          }
          REQUIRE_EQ(y.at(k, i, j), want);
        }
  }
}
