/// Resize: every output element is a weighted sum over few input elements along each scaled axis.
#include <cmath>
#include <limits>

#include "npu/ops/copy.hpp"
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// The inputs one output position along an axis is made of. `taps` 0: outside, extrapolated.
struct Position {
  int taps = 0;
  std::int64_t index[4] = {};
  double weight[4] = {};
};

struct ScaledAxis {
  int axis = 0;
  std::vector<Position> positions;
  /// When all positions are one tap at o / factor + or o * stride + first: a plain loop. 0: no such rule.
  std::int64_t repeat = 0, stride = 0, first = 0;
};

struct Settings {
  std::string coordinates, mode, nearest;
  double cubic_a = -0.75, extrapolation = 0;
  bool exclude_outside = false;
  std::vector<double> roi, scales;  ///< empty: none
};

/// x over the scale of an axis. A scale that does not divide evenly counts as it is given, and is divided by in
/// float32, as ties depend on it; sizes, and scales that are their ratio but for rounding, count as the ratio.
double unscaled(const Settings& s, double x, int axis, std::int64_t in, std::int64_t out) {
  const double last = static_cast<double>(out), given = s.scales.empty() ? 0 : s.scales[static_cast<std::size_t>(axis)];
  const double exact = given * static_cast<double>(in);
  if (given > 0 && std::floor(exact) == last && exact - last > 1e-3)
    return static_cast<double>(static_cast<float>(x) / static_cast<float>(given));
  return x / (last / static_cast<double>(in));
}

double source_of(const Checked& node, const Settings& s, std::int64_t o, int axis, std::int64_t in, std::int64_t out) {
  const double p = static_cast<double>(o);
  const double last_in = static_cast<double>(in - 1), last_out = static_cast<double>(out - 1);
  const auto over_scale = [&](double x) { return unscaled(s, x, axis, in, out); };
  const std::string& c = s.coordinates;
  if (c == "half_pixel" || c == "half_pixel_symmetric") return over_scale(p + 0.5) - 0.5;
  if (c == "pytorch_half_pixel") return out > 1 ? over_scale(p + 0.5) - 0.5 : 0;
  if (c == "tf_half_pixel_for_nn") return over_scale(p + 0.5);
  if (c == "align_corners") return out > 1 ? p * last_in / last_out : 0;
  if (c == "asymmetric") return over_scale(p);
  if (c == "tf_crop_and_resize") {
    const std::size_t a = static_cast<std::size_t>(axis), rank = s.roi.size() / 2;
    const double start = s.roi[a], end = s.roi[rank + a];
    return out > 1 ? start * last_in + p * (end - start) * last_in / last_out : 0.5 * (start + end) * last_in;
  }
  node.missing("coordinate_transformation_mode \"" + c + "\"");
}

double nearest_of(const Checked& node, const std::string& mode, double c) {
  if (mode == "round_prefer_floor") return std::ceil(c - 0.5);
  if (mode == "round_prefer_ceil") return std::floor(c + 0.5);
  if (mode == "floor") return std::floor(c);
  if (mode == "ceil") return std::ceil(c);
  node.missing("nearest_mode \"" + mode + "\"");
}

double cubic_weight(double a, double distance) {
  const double z = std::abs(distance);
  if (z <= 1) return ((a + 2) * z - (a + 3)) * z * z + 1;
  if (z < 2) return ((a * z - 5 * a) * z + 8 * a) * z - 4 * a;
  return 0;
}

Position position_of(const Checked& node, const Settings& s, double c, std::int64_t in) {
  const double last = static_cast<double>(in - 1);
  Position p;
  if (!(c == c) || (s.coordinates == "tf_crop_and_resize" && (c < 0 || c > last))) return p;
  const auto clamped = [&](double x) { return static_cast<std::int64_t>(std::fmin(std::fmax(x, 0), last)); };
  if (s.mode == "nearest") {
    p = {1, {clamped(nearest_of(node, s.nearest, c))}, {1}};
  } else if (s.mode == "linear") {
    c = std::fmin(std::fmax(c, 0), last);
    const double low = std::floor(c);
    p = {c == low ? 1 : 2, {clamped(low), clamped(low + 1)}, {1 - (c - low), c - low}};
  } else {
    const double low = std::floor(c);
    double sum = 0;
    p.taps = 4;
    for (int t = 0; t < 4; ++t) {
      const double at = low + t - 1;
      const bool inside = at >= 0 && at <= last;
      p.index[t] = clamped(at);
      p.weight[t] = s.exclude_outside && !inside ? 0 : cubic_weight(s.cubic_a, c - at);
      sum += p.weight[t];
    }
    if (s.exclude_outside)
      for (double& w : p.weight) w /= sum;
  }
  return p;
}

/// Nearest by a whole factor is a loop over the input with each element repeated, or left out.
void find_rule(ScaledAxis& a, std::int64_t in) {
  const auto out = static_cast<std::int64_t>(a.positions.size());
  const auto all = [&](auto expected) {
    for (std::int64_t o = 0; o < out; ++o) {
      const Position& p = a.positions[static_cast<std::size_t>(o)];
      if (p.taps != 1 || p.index[0] != expected(o)) return false;
    }
    return true;
  };
  if (out == 0 || in == 0) return;
  const std::int64_t factor = out / in, first = a.positions[0].index[0];
  const std::int64_t stride = out > 1 ? a.positions[1].index[0] - first : 1;
  if (factor > 0 && factor * in == out && all([&](std::int64_t o) { return o / factor; })) a.repeat = factor;
  else if (stride > 0 && all([&](std::int64_t o) { return first + o * stride; })) a.stride = stride, a.first = first;
}

struct Resize {
  static constexpr std::size_t kMaxAxes = 16;
  static constexpr int kMaxTaps = 256;

  Dims from, to;
  std::vector<ScaledAxis> axes;
  double extrapolation = 0;
  bool doubles = false, by_rule = false;

  void operator()(Inputs in, Outputs out, Scratch scratch) const {
    const TensorView target = with_shape(out[0], to);
    if (by_rule) move(in[0], target);
    else if (doubles) interpolate<double>(in[0], target, scratch);
    else interpolate<float>(in[0], target, scratch);
  }

  const ScaledAxis* scaled(int axis) const {
    for (const ScaledAxis& a : axes)
      if (a.axis == axis) return &a;
    return nullptr;
  }

  void move(const ConstTensorView& in, const TensorView& out) const {
    Nest<2> nest;
    std::ptrdiff_t first = 0;
    for (int i = 0; i < to.rank(); ++i) {
      const ScaledAxis* a = scaled(i);
      if (!a) {
        nest.add(to[i], {in.strides[i], out.strides[i]});
      } else if (a->repeat) {
        nest.add(from[i], {in.strides[i], out.strides[i] * a->repeat});
        nest.add(a->repeat, {0, out.strides[i]});
      } else {
        nest.add(to[i], {in.strides[i] * a->stride, out.strides[i]});
        first += in.strides[i] * a->first;
      }
    }
    copy(shifted(in, first), out, nest);
  }

  /// Elements of the line below: one row for each input position along the last scaled axis.
  std::int64_t line_elements() const { return axes.empty() ? kRow : from[axes.back().axis] * kRow; }
  std::size_t scratch_bytes() const {
    return by_rule ? 0 : static_cast<std::size_t>(line_elements()) * (doubles ? sizeof(double) : sizeof(float));
  }

  /// Rows run along an axis that is not scaled, the channels of an image. For each position along all scaled axes but
  /// the last, the lines of the input that meet there are added up first; the last axis then reads that one line.
  template <class T>
  void interpolate(const ConstTensorView& in, const TensorView& out, Scratch scratch) const {
    auto* line = reinterpret_cast<T*>(scratch.data());
    const ScaledAxis& last = axes.back();
    const std::int64_t length = from[last.axis];
    Nest<2> rest;
    for (int i = 0; i < to.rank(); ++i)
      if (!scaled(i)) rest.add(to[i], {in.strides[i], out.strides[i]});
    rest.tidy();
    if (to.elements() == 0) return;
    rest.rows([&](const auto& row, std::int64_t n, const auto& step) {
      for (std::int64_t i = 0; i < n; i += kRow) {
        const std::int64_t m = std::min<std::int64_t>(kRow, n - i);
        std::array<std::int64_t, kMaxAxes> at{};
        do {
          std::ptrdiff_t taps[kMaxTaps];
          T weights[kMaxTaps];
          const int count = gather(in, at, taps, weights);
          for (std::int64_t x = 0; x < length && count > 0; ++x) {
            const std::ptrdiff_t first = row[0] + i * step[0] + x * in.strides[last.axis];
            load_sum(in, first, step[0], m, taps, weights, count, line + x * m);
          }
          std::ptrdiff_t target = row[1] + i * step[1];
          for (std::size_t a = 0; a + 1 < axes.size(); ++a) target += at[a] * out.strides[axes[a].axis];
          for (std::size_t o = 0; o < last.positions.size(); ++o) {
            alignas(32) T sum[kRow];
            add_line(line, m, last.positions[o], count, sum);
            store_row(out, target + static_cast<std::ptrdiff_t>(o) * out.strides[last.axis], step[1], m, sum);
          }
        } while (next(at));
      }
    });
  }

  /// The next position along all scaled axes but the last. @return false after the last one
  bool next(std::array<std::int64_t, kMaxAxes>& at) const {
    for (std::size_t a = axes.size() - 1; a-- > 0;) {
      if (++at[a] < static_cast<std::int64_t>(axes[a].positions.size())) return true;
      at[a] = 0;
    }
    return false;
  }

  template <class T>
  static void load_sum(const ConstTensorView& in, std::ptrdiff_t first, std::ptrdiff_t step, std::int64_t n,
                       const std::ptrdiff_t* taps, const T* weights, int count, T* sum) {
    alignas(32) T part[kRow];
    load_row(in, first + taps[0], step, n, sum);
    if (count > 1)
      for (std::int64_t k = 0; k < n; ++k) sum[k] *= weights[0];
    for (int t = 1; t < count; ++t) {
      load_row(in, first + taps[t], step, n, part);
      for (std::int64_t k = 0; k < n; ++k) sum[k] += weights[t] * part[k];
    }
  }

  template <class T>
  void add_line(const T* line, std::int64_t n, const Position& p, int count, T* sum) const {
    if (count < 0 || p.taps == 0) {
      std::fill_n(sum, n, static_cast<T>(extrapolation));
      return;
    }
    if (p.taps == 1 && p.weight[0] == 1) {
      std::copy_n(line + p.index[0] * n, n, sum);
      return;
    }
    std::fill_n(sum, n, T{0});
    for (int t = 0; t < p.taps; ++t) {
      const T* from_line = line + p.index[t] * n;
      const T weight = static_cast<T>(p.weight[t]);
      for (std::int64_t k = 0; k < n; ++k) sum[k] += weight * from_line[k];
    }
  }

  /// Products of the taps of all scaled axes but the last. @return their number, -1 when the position is outside
  template <class T>
  int gather(const ConstTensorView& in, const std::array<std::int64_t, kMaxAxes>& at, std::ptrdiff_t* taps,
             T* weights) const {
    int count = 1;
    taps[0] = 0, weights[0] = 1;
    for (std::size_t a = 0; a + 1 < axes.size(); ++a) {
      const Position& p = axes[a].positions[static_cast<std::size_t>(at[a])];
      if (p.taps == 0) return -1;
      const std::ptrdiff_t stride = in.strides[axes[a].axis];
      for (int t = p.taps - 1; t >= 0; --t)  // backward: the last one overwrites what the others read
        for (int k = 0; k < count; ++k) {
          taps[t * count + k] = taps[k] + p.index[t] * stride;
          weights[t * count + k] = weights[k] * static_cast<T>(p.weight[t]);
        }
      count *= p.taps;
    }
    return count;
  }
};

std::unique_ptr<Operator> make_resize(const NodeSpec& spec) {
  const Checked node(spec, 1, 4);
  const bool upsample = node.type() == "Upsample";  // Resize's predecessor
  const auto& attributes = node.attributes();
  Settings s;
  s.coordinates = attributes.text("coordinate_transformation_mode", upsample ? "asymmetric" : "half_pixel");
  s.mode = attributes.text("mode", "nearest");
  s.nearest = attributes.text("nearest_mode", upsample ? "floor" : "round_prefer_floor");
  s.cubic_a = attributes.real("cubic_coeff_a", -0.75);
  s.extrapolation = attributes.real("extrapolation_value", 0);
  s.exclude_outside = attributes.integer("exclude_outside", 0) != 0;
  if (s.mode != "nearest" && s.mode != "linear" && s.mode != "cubic") node.missing("mode \"" + s.mode + "\"");
  if (attributes.integer("antialias", 0)) node.missing("antialias");

  Resize op;
  op.from = node.in(0).shape, op.to = node.out().shape, op.extrapolation = s.extrapolation;
  if (op.to.rank() != op.from.rank())
    node.wrong("resizes " + to_string(op.from) + " to " + to_string(op.to) + ", which has another rank");
  const bool crops = s.coordinates == "tf_crop_and_resize";
  if (crops) s.roi = node.reals(1, "region of interest");
  if (crops && s.roi.size() != 2 * static_cast<std::size_t>(op.from.rank()))
    node.wrong("has a region of interest of " + std::to_string(s.roi.size()) + " numbers");
  // Upsample has its scales second, Resize third; sizes, which win, come fourth.
  const int scales = upsample ? 1 : 2;
  if (scales < node.inputs() && node.has_input(scales) && node.is_constant(scales) &&
      !(node.inputs() > 3 && node.has_input(3)))
    s.scales = node.reals(scales, "scales");
  if (s.scales.size() != static_cast<std::size_t>(op.from.rank())) s.scales.clear();
  std::int64_t taps = 1;
  for (int i = 0; i < op.from.rank(); ++i) {
    const std::int64_t in = op.from[i], out = op.to[i];
    const bool cropped =
        crops && (s.roi[static_cast<std::size_t>(i)] != 0 || s.roi[static_cast<std::size_t>(op.from.rank() + i)] != 1);
    if (in == out && !cropped) continue;
    if (in == 0) node.wrong("resizes an empty axis");
    ScaledAxis a;
    a.axis = i;
    int most = 1;
    for (std::int64_t o = 0; o < out; ++o) {
      a.positions.push_back(position_of(node, s, source_of(node, s, o, i, in, out), in));
      most = std::max(most, a.positions.back().taps);
    }
    find_rule(a, in);
    op.axes.push_back(std::move(a));
    taps *= most;
    if (taps > Resize::kMaxTaps) node.missing("interpolation over " + std::to_string(op.axes.size()) + " axes");
  }
  const Number number = number_for({&node.in(0), &node.out()});
  op.doubles = number != Number::f32 && !is_float(node.in(0).dtype);
  op.by_rule = std::all_of(op.axes.begin(), op.axes.end(), [](const ScaledAxis& a) { return a.repeat || a.stride; });
  const auto bytes = op.scratch_bytes();
  return running(std::move(op), bytes);
}

constexpr Entry kEntries[] = {{"Resize", make_resize}, {"Upsample", make_resize}};

}  // namespace

Family resize_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
