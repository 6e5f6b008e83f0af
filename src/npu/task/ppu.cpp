/// PPU: pooling.
#include <algorithm>
#include <cmath>
#include <limits>

#include "npu/task/units.hpp"

namespace ez_rknn::npu::task {
namespace {

double pool_window(const PoolTask& t, const Cube<double>& in, int c, int oy, int ox) {
  using Method = PoolTask::Method;
  const bool real = t.precision == Precision::f16;
  const double extreme = std::numeric_limits<double>::infinity();
  double sum = 0, most = -extreme, least = extreme;
  for (int ky = 0; ky < t.kernel_h; ++ky)
    for (int kx = 0; kx < t.kernel_w; ++kx) {
      const int y = oy * t.stride_y + ky - t.pad_top, x = ox * t.stride_x + kx - t.pad_left;
      if (y < 0 || x < 0 || y >= in.height || x >= in.width) {
        if (!real) sum += static_cast<double>(t.pad_value);  // a float border is 0
        continue;
      }
      const double v = in(c, y, x);
      sum += v;
      most = std::max(most, v);
      least = std::min(least, v);
    }
  const double v = t.method == Method::average ? sum * t.reciprocal : t.method == Method::max ? most : least;
  if (real) return v;
  const double top = std::ldexp(1.0, 8 * bytes_of(t.precision) - 1) - 1;
  return std::clamp(std::nearbyint(v), -top - 1, top);
}

}  // namespace

void run(const PoolTask& t, const Lut&, Memory& memory) {
  const Cube<double> in = read_cube<double>(memory, {memory.at(t.from), t.in_line, t.in_surface}, t.precision,
                                            t.channels, t.in_height, t.in_width, "the PPU's source DMA");
  const std::int64_t to = memory.at(t.to);
  const int group = channels_of_pixel(t.precision), size = bytes_of(t.precision);
  for (int c = 0; c < t.channels; c += group)
    for (int y = 0; y < t.out_height; ++y) {
      std::byte* row = memory.write(to + c / group * t.out_surface + y * t.out_line, std::int64_t{t.out_width} * kPixel,
                                    "the PPU's writer");
      for (int x = 0; x < t.out_width; ++x)
        for (int k = 0; k < group; ++k)
          store_element(row + x * kPixel + k * size, t.precision,
                        c + k < t.channels ? pool_window(t, in, c + k, y, x) : 0.0);
    }
}

}  // namespace ez_rknn::npu::task
