/// Pools over regions of interest: MaxRoiPool and RoiAlign.
#include <algorithm>
#include <cmath>
#include <limits>

#include "npu/ops/copy.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/indices.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// Values come as dense floats: the maps, then the regions' numbers, then one image of results.
struct Roi {
  Dims maps, result;  ///< [N, C, H, W], [regions, C, PH, PW]
  int numbers = 4;    ///< of a region: x1 y1 x2 y2, for MaxRoiPool the image before them
  double scale = 1;
  bool aligned_pool = false, maximum = false, half_pixel = true;
  int samples = 0;  ///< of a cell along each axis; 0: as many as it covers pixels
  static constexpr int kMostSamples = 64;

  std::size_t maps_bytes() const { return dense_bytes(maps, DType::f32); }
  std::size_t regions_bytes() const { return dense_bytes({result[0], numbers}, DType::f32); }
  std::size_t scratch_bytes() const {
    return maps_bytes() + regions_bytes() + dense_bytes(result, DType::f32) + static_cast<std::size_t>(result[0]) * 8;
  }

  void operator()(Inputs in, Outputs out, Scratch scratch) const {
    const auto* map = dense_like(in[0], DType::f32, {}, scratch).as<float>();
    const auto* region = dense_like(in[1], DType::f32, {}, scratch.subspan(maps_bytes())).as<float>();
    const Scratch rest = scratch.subspan(maps_bytes() + regions_bytes());
    const TensorView made{rest.data(), DType::f32, result, dense_strides(result), {}};
    const auto images = aligned_pool ? read_indices(in[2], rest.subspan(dense_bytes(result, DType::f32)))
                                     : std::span<const std::int64_t>{};
    auto* y = made.as<float>();
    const std::int64_t plane = maps[2] * maps[3], cells = result[2] * result[3];
    for (std::int64_t r = 0; r < result[0]; ++r, region += numbers) {
      const auto image =
          wrapped(aligned_pool ? images[static_cast<std::size_t>(r)] : to_int64(double(region[0])), maps[0]);
      for (std::int64_t c = 0; c < maps[1]; ++c, y += cells) {
        const float* x = map + (image * maps[1] + c) * plane;
        aligned_pool ? align(x, region, y) : pool(x, region + 1, y);
      }
    }
    copy(made, with_shape(out[0], result));
  }

  /// Caffe's: corners rounded to pixels, cells of floor to ceil, the maximum of each.
  void pool(const float* x, const float* region, float* y) const {
    double corner[4];
    for (int i = 0; i < 4; ++i) corner[i] = limited(std::round(double(region[i]) * scale));
    const double h = std::fmax(corner[3] - corner[1] + 1, 1) / double(result[2]);
    const double w = std::fmax(corner[2] - corner[0] + 1, 1) / double(result[3]);
    const auto bound = [](double v, std::int64_t most) { return to_int64(std::fmin(std::fmax(v, 0), double(most))); };
    for (std::int64_t i = 0; i < result[2]; ++i)
      for (std::int64_t j = 0; j < result[3]; ++j) {
        const auto y0 = bound(std::floor(double(i) * h) + corner[1], maps[2]);
        const auto y1 = bound(std::ceil(double(i + 1) * h) + corner[1], maps[2]);
        const auto x0 = bound(std::floor(double(j) * w) + corner[0], maps[3]);
        const auto x1 = bound(std::ceil(double(j + 1) * w) + corner[0], maps[3]);
        float most = y0 < y1 && x0 < x1 ? -std::numeric_limits<float>::infinity() : 0;
        for (auto v = y0; v < y1; ++v)
          for (auto u = x0; u < x1; ++u) most = std::max(most, x[v * maps[3] + u]);
        *y++ = most;
      }
  }

  void align(const float* x, const float* region, float* y) const {
    const double shift = half_pixel ? 0.5 : 0;
    double corner[4];
    for (int i = 0; i < 4; ++i) corner[i] = limited(double(region[i]) * scale - shift);
    double w = corner[2] - corner[0], h = corner[3] - corner[1];
    if (!half_pixel) w = std::fmax(w, 1), h = std::fmax(h, 1);
    const double cell_h = h / double(result[2]), cell_w = w / double(result[3]);
    const auto count = [&](double cell) {
      return samples > 0 ? samples : int(std::fmin(std::fmax(std::ceil(cell), 0), double(kMostSamples)));
    };
    const int rows = count(cell_h), columns = count(cell_w);
    for (std::int64_t i = 0; i < result[2]; ++i)
      for (std::int64_t j = 0; j < result[3]; ++j) {
        double sum = 0, most = -std::numeric_limits<double>::infinity();
        for (int v = 0; v < rows; ++v)
          for (int u = 0; u < columns; ++u) {
            const double at_y = corner[1] + (double(i) + (v + 0.5) / rows) * cell_h;
            const double at_x = corner[0] + (double(j) + (u + 0.5) / columns) * cell_w;
            sum += sample(x, at_y, at_x, most);
          }
        const int n = rows * columns;
        *y++ = static_cast<float>(n == 0 ? 0 : maximum ? most : sum / n);
      }
  }

  /// Bilinear; 0 more than a pixel outside. `most` grows by the largest of the four products, as ONNX Runtime has it.
  double sample(const float* x, double at_y, double at_x, double& most) const {
    const double h = double(maps[2]), w = double(maps[3]);
    if (!(at_y >= -1 && at_y <= h && at_x >= -1 && at_x <= w)) return most = std::fmax(most, 0), 0;
    at_y = std::fmin(std::fmax(at_y, 0), h - 1), at_x = std::fmin(std::fmax(at_x, 0), w - 1);
    const auto y0 = to_int64(at_y), x0 = to_int64(at_x);
    const auto y1 = std::min(y0 + 1, maps[2] - 1), x1 = std::min(x0 + 1, maps[3] - 1);
    const double fy = at_y - double(y0), fx = at_x - double(x0);
    const double parts[] = {(1 - fy) * (1 - fx) * double(x[y0 * maps[3] + x0]),
                            (1 - fy) * fx * double(x[y0 * maps[3] + x1]), fy * (1 - fx) * double(x[y1 * maps[3] + x0]),
                            fy * fx * double(x[y1 * maps[3] + x1])};
    for (double p : parts) most = std::fmax(most, p);
    return parts[0] + parts[1] + parts[2] + parts[3];
  }

  /// Coordinates far outside any map; NaN is 0.
  static double limited(double v) { return std::isnan(v) ? 0 : std::fmin(std::fmax(v, -1e6), 1e6); }
};

std::unique_ptr<Operator> make_roi(const NodeSpec& spec) {
  const bool aligned_pool = spec.node.type == "RoiAlign";
  const Checked node(spec, aligned_pool ? 3 : 2, aligned_pool ? 3 : 2);
  Roi op;
  op.aligned_pool = aligned_pool, op.numbers = aligned_pool ? 4 : 5;
  op.maps = node.in(0).shape, op.result = node.out().shape;
  if (op.maps.rank() != 4 || op.result.rank() != 4 || op.maps.elements() < 1 || op.result[1] != op.maps[1])
    node.wrong("makes " + to_string(op.result) + " of " + to_string(op.maps));
  if (node.in(1).shape.elements() != op.result[0] * op.numbers)
    node.wrong("has regions of shape " + to_string(node.in(1).shape) + " for " + to_string(op.result));
  if (aligned_pool && node.in(2).shape.elements() != op.result[0])
    node.wrong("has image numbers of shape " + to_string(node.in(2).shape) + " for " + to_string(op.result));
  const auto& attributes = node.attributes();
  op.scale = attributes.real("spatial_scale", 1);
  const std::string mode = attributes.text("mode", "avg");
  if (mode != "avg" && mode != "max") node.missing("mode \"" + mode + "\"");
  op.maximum = mode == "max";
  op.half_pixel = attributes.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  const auto samples = attributes.integer("sampling_ratio", 0);
  if (samples < 0 || samples > Roi::kMostSamples) node.wrong("has sampling_ratio " + std::to_string(samples));
  op.samples = static_cast<int>(samples);
  const auto bytes = op.scratch_bytes();
  return running(std::move(op), bytes);
}

constexpr Entry kEntries[] = {{"MaxRoiPool", make_roi}, {"RoiAlign", make_roi}};

}  // namespace

Family roi_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
