/// GridSample: for each output pixel a grid gives the place to read, in coordinates from -1 to 1. Weighted sums of up
/// to 16 pixels, a row of channels at a time.
#include <cmath>

#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

enum class Padding { zeros, border, reflection };

/// Up to four neighbours along one axis.
struct Taps {
  int count = 0;
  std::int64_t index[4] = {};
  float weight[4] = {};

  void add(std::int64_t i, double w) { index[count] = i, weight[count++] = static_cast<float>(w); }
};

struct GridSample {
  enum class Mode { nearest, linear, cubic } mode = Mode::linear;
  Padding padding = Padding::zeros;
  bool align_corners = false;
  Dims from, to;

  /// Any number to a place in [0, size - 1] by mirroring at the borders of the pixels or, with align_corners, at their
  /// centres. NaN and infinity end at 0.
  double reflected(double x, std::int64_t size) const {
    const double last = static_cast<double>(size - 1);
    const double low = align_corners ? 0 : -0.5, range = align_corners ? last : last + 1;
    if (range == 0) return 0;
    const double distance = std::abs(x - low), turns = std::floor(distance / range), rest = distance - turns * range;
    const double place = std::fmod(turns, 2) == 0 ? low + rest : low + range - rest;
    return std::fmin(std::fmax(place, 0), last);
  }

  /// A whole-numbered place, which may be outside. @return -1 when it counts as 0
  std::int64_t pixel(double x, std::int64_t size) const {
    const double last = static_cast<double>(size - 1);
    if (x >= 0 && x <= last) return static_cast<std::int64_t>(x);
    if (padding == Padding::zeros) return -1;
    if (padding == Padding::reflection) return static_cast<std::int64_t>(std::nearbyint(reflected(x, size)));
    return x > last ? size - 1 : 0;
  }

  Taps taps(double grid, std::int64_t size) const {
    const double n = static_cast<double>(size);
    double x = align_corners ? (grid + 1) / 2 * (n - 1) : ((grid + 1) * n - 1) / 2;
    // The place itself is moved inside, except for cubics, whose neighbours are moved one by one.
    const bool moves = mode != Mode::cubic;
    if (moves && padding == Padding::border) x = std::fmin(std::fmax(x, 0), n - 1);
    if (moves && padding == Padding::reflection) x = reflected(x, size);
    Taps t;
    const auto add = [&](double place, double weight) {
      const std::int64_t i = pixel(place, size);
      if (i >= 0 && weight != 0) t.add(i, weight);
    };
    const double low = std::floor(x);
    if (mode == Mode::nearest) {
      add(std::nearbyint(x), 1);
    } else if (mode == Mode::linear) {
      add(low, 1 - (x - low)), add(low + 1, x - low);
    } else {
      for (int i = -1; i < 3; ++i) add(low + i, cubic(std::abs(x - low - i)));
    }
    return t;
  }

  static double cubic(double z) {
    constexpr double a = -0.75;
    return z <= 1 ? ((a + 2) * z - (a + 3)) * z * z + 1 : z < 2 ? ((a * z - 5 * a) * z + 8 * a) * z - 4 * a : 0;
  }

  void operator()(Inputs in, Outputs out, Scratch) const {
    const TensorView target = with_shape(out[0], to);
    const ConstTensorView &image = in[0], &grid = in[1];
    Nest<3> pixels;  // image, grid, output
    pixels.add(to[0], {image.strides[0], grid.strides[0], target.strides[0]});
    pixels.add(to[2], {0, grid.strides[1], target.strides[2]});
    pixels.add(to[3], {0, grid.strides[2], target.strides[3]});
    pixels.walk(pixels.rank(), [&](const auto& at) {
      double place[2];
      load_row(grid, at[1], grid.strides[3], 2, place);
      const Taps x = taps(place[0], from[3]), y = taps(place[1], from[2]);
      for (std::int64_t c = 0; c < to[1]; c += kRow) {
        const std::int64_t n = std::min<std::int64_t>(kRow, to[1] - c);
        alignas(32) float sum[kRow], part[kRow];
        std::fill_n(sum, n, 0.0f);
        for (int j = 0; j < y.count; ++j)
          for (int i = 0; i < x.count; ++i) {
            const float weight = y.weight[j] * x.weight[i];
            load_row(image,
                     at[0] + y.index[j] * image.strides[2] + x.index[i] * image.strides[3] + c * image.strides[1],
                     image.strides[1], n, part);
            for (std::int64_t k = 0; k < n; ++k) sum[k] += weight * part[k];
          }
        store_row(target, at[2] + c * target.strides[1], target.strides[1], n, sum);
      }
    });
  }
};

std::unique_ptr<Operator> make_grid_sample(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  GridSample op;
  op.from = node.in(0).shape;
  const Dims grid = node.in(1).shape;
  if (op.from.rank() != 4) node.missing("rank " + std::to_string(op.from.rank()));
  if (grid.rank() != 4 || grid[3] != 2 || grid[0] != op.from[0])
    node.wrong("has a grid of shape " + to_string(grid) + " for an image of " + to_string(op.from));
  op.to = {op.from[0], op.from[1], grid[1], grid[2]};
  node.expect_output(0, op.to);
  if (op.from.elements() == 0 && op.to.elements() > 0) node.wrong("samples an empty image");
  const std::string mode = node.attributes().text("mode", "bilinear");
  if (mode == "nearest") op.mode = GridSample::Mode::nearest;
  else if (mode == "bilinear" || mode == "linear") op.mode = GridSample::Mode::linear;
  else if (mode == "bicubic" || mode == "cubic") op.mode = GridSample::Mode::cubic;
  else node.missing("mode \"" + mode + "\"");
  const std::string padding = node.attributes().text("padding_mode", "zeros");
  if (padding == "zeros") op.padding = Padding::zeros;
  else if (padding == "border") op.padding = Padding::border;
  else if (padding == "reflection") op.padding = Padding::reflection;
  else node.missing("padding_mode \"" + padding + "\"");
  op.align_corners = node.attributes().integer("align_corners", 0) != 0;
  return running(std::move(op));
}

constexpr Entry kEntries[] = {{"GridSample", make_grid_sample}};

}  // namespace

Family grid_sample_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
