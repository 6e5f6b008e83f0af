/// Pools over any number of spatial axes. The NPU runs the common ones itself; here are dilated maxima, averages that
/// count what is inside, LpPool and whole-map pools.
#include <cmath>
#include <limits>

#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// The taps of one output position along one axis that fall on the input.
struct Window {
  std::int64_t first = 0, count = 0;
  std::int64_t padded = 0;  ///< taps on the input or its padding
};
struct PooledAxis {
  std::int64_t dilation = 1;
  std::vector<Window> windows;  ///< one per output position
};

enum class Kind { max, average, average_with_padding, lp };

struct Pool {
  Kind kind;
  double p = 2;
  Number number;
  Dims from, to;
  std::vector<PooledAxis> axes;  ///< dimensions 2, 3, ...

  void operator()(Inputs in, Outputs out, Scratch) const {
    const TensorView target = with_shape(out[0], to);
    if (number == Number::f32) pool<float>(in[0], target);
    else pool<double>(in[0], target);
  }

  /// Rows run along batch and channels; the taps of a window are added to a row one after the other.
  template <class T>
  void pool(const ConstTensorView& in, const TensorView& out) const {
    Nest<2> rest;
    Nest<2> positions;  // untidy, one loop an axis; operand 0 counts the position within all axes
    for (int i = 0; i < 2; ++i) rest.add(to[i], {in.strides[i], out.strides[i]});
    rest.tidy();
    std::ptrdiff_t index = 1;
    for (int i = to.rank() - 1; i >= 2; --i) index *= to[i];
    for (int i = 2; i < to.rank(); ++i) {
      if (to[i] == 0) return;
      index /= to[i];
      positions.add(to[i], {index, out.strides[i]});
    }
    if (rest.empty()) return;
    positions.walk(positions.rank(), [&](const auto& at) { position<T>(in, out, rest, at[0], at[1]); });
  }

  template <class T>
  void position(const ConstTensorView& in, const TensorView& out, const Nest<2>& rest, std::ptrdiff_t index,
                std::ptrdiff_t target) const {
    Nest<1> taps;
    std::ptrdiff_t first = 0;
    std::int64_t count = 1, padded = 1;
    for (int i = to.rank() - 1; i >= 2; --i) {
      const PooledAxis& axis = axes[static_cast<std::size_t>(i - 2)];
      const Window& w = axis.windows[static_cast<std::size_t>(index % to[i])];
      index /= to[i];
      taps.add(w.count, {axis.dilation * in.strides[i]});
      first += w.first * in.strides[i], count *= w.count, padded *= w.padded;
    }
    const T divisor = static_cast<T>(kind == Kind::average ? count : padded);
    rest.rows([&](const auto& row, std::int64_t n, const auto& step) {
      for (std::int64_t i = 0; i < n; i += kRow) {
        const std::int64_t m = std::min<std::int64_t>(kRow, n - i);
        alignas(32) T sum[kRow], part[kRow];
        std::fill_n(sum, m, kind == Kind::max && count > 0 ? -std::numeric_limits<T>::infinity() : T{0});
        taps.walk(taps.rank(), [&](const auto& tap) {
          load_row(in, row[0] + first + tap[0] + i * step[0], step[0], m, part);
          add(sum, part, m);
        });
        finish(sum, m, divisor);
        store_row(out, row[1] + target + i * step[1], step[1], m, sum);
      }
    });
  }

  template <class T>
  void add(T* sum, const T* part, std::int64_t n) const {
    if (kind == Kind::max) {
      for (std::int64_t k = 0; k < n; ++k) sum[k] = part[k] > sum[k] || part[k] != part[k] ? part[k] : sum[k];
    } else if (kind == Kind::lp) {
      for (std::int64_t k = 0; k < n; ++k)
        sum[k] += p == 2 ? part[k] * part[k] : std::pow(std::abs(part[k]), static_cast<T>(p));
    } else {
      for (std::int64_t k = 0; k < n; ++k) sum[k] += part[k];
    }
  }
  template <class T>
  void finish(T* sum, std::int64_t n, T divisor) const {
    if (kind == Kind::lp)
      for (std::int64_t k = 0; k < n; ++k)
        sum[k] = p == 2 ? std::sqrt(sum[k]) : std::pow(sum[k], static_cast<T>(1 / p));
    else if (kind != Kind::max && divisor > 0)
      for (std::int64_t k = 0; k < n; ++k) sum[k] /= divisor;
  }
};

/// The padding ONNX's auto_pad asks for so that `out` windows cover the input.
std::pair<std::int64_t, std::int64_t> same_padding(std::int64_t in, std::int64_t out, std::int64_t stride,
                                                   std::int64_t extent, bool upper) {
  const std::int64_t all = std::max<std::int64_t>(0, (out - 1) * stride + extent - in), half = all / 2;
  return upper ? std::pair{half, all - half} : std::pair{all - half, half};
}

std::unique_ptr<Operator> make_pool(const NodeSpec& spec) {
  const Checked node(spec, 1, 1, 1, 2);
  const auto& attributes = node.attributes();
  const std::string& type = node.type();
  const bool global = type.starts_with("Global");
  Pool op;
  op.from = node.in(0).shape, op.to = node.out().shape;
  const int rank = op.from.rank(), spatial = rank - 2;
  if (rank < 3 || op.to.rank() != rank) node.wrong("pools " + to_string(op.from) + " to " + to_string(op.to));
  if (op.to[0] != op.from[0] || op.to[1] != op.from[1])
    node.wrong("pools " + to_string(op.from) + " to other channels " + to_string(op.to));
  if (node.has_output(1)) node.missing("the indices of maxima");
  op.kind = type.ends_with("MaxPool")                    ? Kind::max
            : type.ends_with("LpPool")                   ? Kind::lp
            : attributes.integer("count_include_pad", 0) ? Kind::average_with_padding
                                                         : Kind::average;
  op.p = attributes.real("p", 2);
  if (!(op.p >= 1)) node.wrong("has p " + std::to_string(op.p));
  op.number = number_for({&node.in(0), &node.out()}) == Number::f32 ? Number::f32 : Number::f64;

  constexpr std::int64_t kFar = std::int64_t{1} << 31;
  const auto list = [&](const char* name, std::int64_t fallback, int size, std::int64_t least) {
    auto v = attributes.integers(name);
    if (v.empty() || global) v.assign(static_cast<std::size_t>(size), fallback);
    if (v.size() != static_cast<std::size_t>(size))
      node.wrong(std::string("has ") + std::to_string(v.size()) + " " + name + " for " + std::to_string(size));
    for (auto x : v)
      if (x < least || x > kFar) node.wrong(std::string("has ") + name + " " + std::to_string(x));
    return v;
  };
  const auto kernel = list("kernel_shape", 0, spatial, global ? 0 : 1), strides = list("strides", 1, spatial, 1);
  const auto dilations = list("dilations", 1, spatial, 1), pads = list("pads", 0, 2 * spatial, 0);
  const std::string auto_pad = attributes.text("auto_pad", "NOTSET");
  for (int i = 0; i < spatial; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const std::int64_t in = op.from[i + 2], out = op.to[i + 2], size = global ? in : kernel[k], step = strides[k];
    const std::int64_t dilation = dilations[k], extent = (size - 1) * dilation + 1;
    std::int64_t before = pads[k], after = pads[k + static_cast<std::size_t>(spatial)];
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER")
      std::tie(before, after) = same_padding(in, out, step, extent, auto_pad == "SAME_UPPER");
    if (auto_pad == "VALID") before = after = 0;
    if (out > 0 && (out - 1) * step >= in + before + after)
      node.wrong("has an output of " + to_string(op.to) + ", whose last window lies outside the input " +
                 to_string(op.from));
    PooledAxis axis{dilation, {}};
    for (std::int64_t o = 0; o < out; ++o) {
      const std::int64_t start = o * step - before;
      const auto clipped = [&](std::int64_t low, std::int64_t high) {  // taps t with low <= start + t * dilation < high
        const std::int64_t t0 = start >= low ? 0 : (low - start + dilation - 1) / dilation;
        const std::int64_t t1 = start >= high ? 0 : std::min(size, (high - start + dilation - 1) / dilation);
        return std::pair{t0, std::max<std::int64_t>(0, t1 - t0)};
      };
      const auto [t0, count] = clipped(0, in);
      axis.windows.push_back({start + t0 * dilation, count, clipped(-before, in + after).second});
    }
    op.axes.push_back(std::move(axis));
  }
  return running(std::move(op));
}

constexpr Entry kEntries[] = {
    {"AveragePool", make_pool},  {"GlobalAveragePool", make_pool},
    {"GlobalLpPool", make_pool}, {"GlobalMaxPool", make_pool},
    {"LpPool", make_pool},       {"MaxPool", make_pool},
};

}  // namespace

Family pooling_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
