/// Reductions over any set of axes, in double; and Size, which counts.
#include <array>
#include <cmath>
#include <limits>

#include "npu/ops/check.hpp"
#include "npu/ops/copy.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/lanes.hpp"

namespace ez_rknn::npu::ops {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What a reduction remembers; only LogSumExp needs the second number.
struct State {
  double a = 0, b = 0;
};

struct Sum {
  static State start() { return {}; }
  static void step(State& s, double x) { s.a += x; }
  static double finish(const State& s, std::int64_t) { return s.a; }
};
struct Mean : Sum {
  static double finish(const State& s, std::int64_t n) { return s.a / static_cast<double>(n); }
};
struct LogSum : Sum {
  static double finish(const State& s, std::int64_t) { return std::log(s.a); }
};
struct SumSquare : Sum {
  static void step(State& s, double x) { s.a += x * x; }
};
struct L1 : Sum {
  static void step(State& s, double x) { s.a += std::abs(x); }
};
struct L2 : SumSquare {
  static double finish(const State& s, std::int64_t) { return std::sqrt(s.a); }
};
struct Prod : Sum {
  static State start() { return {1, 0}; }
  static void step(State& s, double x) { s.a *= x; }
};
struct Max : Sum {
  static State start() { return {-kInfinity, 0}; }
  static void step(State& s, double x) { s.a = x > s.a || x != x ? x : s.a; }
};
struct Min : Sum {
  static State start() { return {kInfinity, 0}; }
  static void step(State& s, double x) { s.a = x < s.a || x != x ? x : s.a; }
};
/// The sum is kept relative to the largest number so far, so that exp() never overflows.
struct LogSumExp {
  static State start() { return {-kInfinity, 0}; }
  static void step(State& s, double x) {
    if (x > s.a) s.b *= std::exp(s.a - x), s.a = x;
    if (s.a != -kInfinity || x != x) s.b += std::exp(x - s.a);
  }
  static double finish(const State& s, std::int64_t) { return s.a == kInfinity ? s.a : s.a + std::log(s.b); }
};

template <class R>
void reduce(const ConstTensorView& in, const TensorView& out, const Axes& axes) {
  const Nest<2> across = across_lanes<2>(in.shape, axes, {in, out});
  Nest<1> lane = lane_of(in, in.shape, axes);
  lane.tidy();
  const std::int64_t length = lane_length(in.shape, axes);
  double row[kRow];
  State states[32];
  double results[32];
  for_blocks(across, lane, length, [&](const auto& at, std::int64_t columns, const auto& step) {
    for (std::int64_t c = 0; c < columns; ++c) states[c] = R::start();
    if (columns == 1) {
      lane.rows([&](const auto& a, std::int64_t n, const auto& lane_step) {
        for (std::int64_t i = 0; i < n; i += kRow) {
          const std::int64_t m = std::min<std::int64_t>(kRow, n - i);
          load_row(in, at[0] + a[0] + i * lane_step[0], lane_step[0], m, row);
          for (std::int64_t k = 0; k < m; ++k) R::step(states[0], row[k]);
        }
      });
    } else {
      lane.walk(lane.rank(), [&](const auto& a) {
        load_row(in, at[0] + a[0], step[0], columns, row);
        for (std::int64_t c = 0; c < columns; ++c) R::step(states[c], row[c]);
      });
    }
    for (std::int64_t c = 0; c < columns; ++c) results[c] = R::finish(states[c], length);
    store_row(out, at[1], step[1], columns, results);
  });
}

template <class R>
std::unique_ptr<Operator> make_reduce(const NodeSpec& spec) {
  const Checked node(spec, 1, 2);
  const Dims shape = node.in(0).shape;
  auto list = node.attributes().integers("axes");
  if (list.empty() && node.has_input(1)) list = node.integers(1, "axes");
  if (list.empty() && !node.attributes().integer("noop_with_empty_axes", 0))
    for (int i = 0; i < shape.rank(); ++i) list.push_back(i);
  const Axes axes = node.axes_of(list, shape.rank());
  Dims kept = shape;
  for (int a : axes) kept[a] = 1;
  node.expect_output(0, kept);
  return running([axes, kept](Inputs in, Outputs out, Scratch) { reduce<R>(in[0], with_shape(out[0], kept), axes); });
}

/// The number of elements, known from the shape.
std::unique_ptr<Operator> make_size(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  node.expect_output(0, {});
  return running(
      [n = static_cast<double>(node.in(0).shape.elements())](Inputs, Outputs out, Scratch) { fill(out[0], n); });
}

constexpr Entry kEntries[] = {
    {"ReduceL1", make_reduce<L1>},
    {"ReduceL2", make_reduce<L2>},
    {"ReduceLogSum", make_reduce<LogSum>},
    {"ReduceLogSumExp", make_reduce<LogSumExp>},
    {"ReduceMax", make_reduce<Max>},
    {"ReduceMean", make_reduce<Mean>},
    {"ReduceMin", make_reduce<Min>},
    {"ReduceProd", make_reduce<Prod>},
    {"ReduceSum", make_reduce<Sum>},
    {"ReduceSumSquare", make_reduce<SumSquare>},
    {"Size", make_size},
};

}  // namespace

Family reduce_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
