/// Pad: along each axis the output is a row of runs that walk the input forward, backward or stand still; their
/// products are plain strided copies.
#include <algorithm>

#include "npu/ops/check.hpp"
#include "npu/ops/copy.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// `size` outputs from `to` on come from input `from`, `from + step`, ...
struct Run {
  std::int64_t to = 0, from = 0, step = 0, size = 0;
};
using Runs = std::vector<Run>;

enum class Mode { constant, edge, reflect, wrap };

/// The input position that output position p (0 = first input element) repeats, -1 for the constant.
std::int64_t source_of(Mode mode, std::int64_t p, std::int64_t dim) {
  if (p >= 0 && p < dim) return p;
  if (mode == Mode::constant) return -1;
  if (mode == Mode::edge) return p < 0 ? 0 : dim - 1;
  if (mode == Mode::wrap) return (p % dim + dim) % dim;
  if (dim == 1) return 0;
  const std::int64_t period = 2 * (dim - 1), q = (p % period + period) % period;
  return q < dim ? q : period - q;
}

Runs runs_of(Mode mode, std::int64_t before, std::int64_t dim, std::int64_t size) {
  Runs runs;
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t from = source_of(mode, i - before, dim);
    if (from < 0) continue;
    if (!runs.empty() && runs.back().to + runs.back().size == i) {
      Run& r = runs.back();
      const std::int64_t step = from - (r.from + (r.size - 1) * r.step);
      if (r.size == 1 || step == r.step) {
        r.step = step, ++r.size;
        continue;
      }
    }
    runs.push_back({i, from, 0, 1});
  }
  return runs;
}

std::unique_ptr<Operator> make_pad(const NodeSpec& spec) {
  const Checked node(spec, 1, 4);
  const Dims from = node.in(0).shape;
  const int rank = from.rank();
  const std::string name = node.attributes().text("mode", "constant");
  const Mode mode = name == "constant"  ? Mode::constant
                    : name == "edge"    ? Mode::edge
                    : name == "reflect" ? Mode::reflect
                    : name == "wrap"    ? Mode::wrap
                                        : (node.missing("mode \"" + name + "\""), Mode::constant);
  const auto pads = node.inputs() > 1 ? node.integers(1, "pads") : node.attributes().integers("pads");
  std::vector<std::int64_t> axes;
  if (node.has_input(3)) axes = node.integers(3, "axes");
  else
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  if (pads.size() != 2 * axes.size())
    node.wrong("has " + std::to_string(pads.size()) + " pads for " + std::to_string(axes.size()) + " axes");
  const double value = mode != Mode::constant ? 0
                       : node.has_input(2)    ? node.scalar(2, "fill value")
                                              : node.attributes().real("value", 0);

  constexpr std::int64_t kFar = std::int64_t{1} << 40;
  Dims before, shape = from;
  for (int i = 0; i < rank; ++i) before.push_back(0);
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const int axis = node.axis_of(axes[k], rank);
    const std::int64_t first = pads[k], last = pads[k + axes.size()];
    if (std::min(first, last) < -kFar || std::max(first, last) > kFar)
      node.wrong("pads by " + std::to_string(first) + " and " + std::to_string(last));
    before[axis] = first, shape[axis] = from[axis] + first + last;
    if (mode != Mode::constant && from[axis] == 0 && shape[axis] > 0) node.wrong("repeats the border of an empty axis");
  }
  node.expect_output(0, shape);
  std::vector<Runs> runs;
  bool covers_all = true;
  for (int i = 0; i < rank; ++i) {
    runs.push_back(runs_of(mode, before[i], from[i], shape[i]));
    std::int64_t covered = 0;
    for (const Run& r : runs.back()) covered += r.size;
    covers_all = covers_all && covered == shape[i];
  }
  return running([runs, shape, value, covers_all, rank](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    if (!covers_all) fill(to, value);
    std::array<std::size_t, Dims::kMax> chosen{};
    for (const Runs& r : runs)
      if (r.empty()) return;
    for (;;) {
      Nest<2> nest;
      std::ptrdiff_t source = 0, target = 0;
      for (int i = 0; i < rank; ++i) {
        const Run& r = runs[static_cast<std::size_t>(i)][chosen[static_cast<std::size_t>(i)]];
        nest.add(r.size, {r.step * in[0].strides[i], to.strides[i]});
        source += r.from * in[0].strides[i], target += r.to * to.strides[i];
      }
      copy(shifted(in[0], source), shifted(to, target), nest);
      int i = rank - 1;
      for (; i >= 0; --i) {
        std::size_t& c = chosen[static_cast<std::size_t>(i)];
        if (++c < runs[static_cast<std::size_t>(i)].size()) break;
        c = 0;
      }
      if (i < 0) return;
    }
  });
}

/// What a ConvTranspose is left of where the compiler makes a plain convolution of it: the inputs `strides` apart,
/// zeros between and around them. `pads` are the ConvTranspose's, so they take away from the border of kernel - 1.
std::unique_ptr<Operator> make_conv_transpose_pad(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  const Dims from = node.in(0).shape, to = node.out().shape;
  if (from.rank() != 4 || to.rank() != 4 || from[0] != to[0] || from[1] != to[1])
    node.wrong("spreads " + to_string(from) + " over " + to_string(to));
  const auto pair = [&](const char* name, std::int64_t fallback) {
    const auto v = node.attributes().integers(name, {fallback, fallback});
    constexpr std::int64_t kFar = 1 << 16;
    if (v.size() < 2 || std::min(v[0], v[1]) < 0 || std::max(v[0], v[1]) > kFar)
      node.wrong(std::string("needs two numbers from 0 to 65536 as ") + name);
    return std::array{v[0], v[1]};
  };
  const auto kernel = pair("kernel_shape", 1), strides = pair("strides", 1), pads = pair("pads", 0),
             dilations = pair("dilations", 1);
  std::array<std::int64_t, 2> first{};
  for (int i = 0; i < 2; ++i) {
    const auto k = static_cast<std::size_t>(i);
    first[k] = (kernel[k] - 1) * dilations[k] - pads[k];
    const std::int64_t end = first[k] + (from[2 + i] - 1) * strides[k];
    if (first[k] < 0 || strides[k] < 1 || end >= to[2 + i])
      node.missing("rows or columns that fall outside of the output");
  }
  return running([first, strides](Inputs in, Outputs out, Scratch) {
    fill(out[0], 0);
    TensorView spread = shifted(out[0], first[0] * out[0].strides[2] + first[1] * out[0].strides[3]);
    spread.shape = in[0].shape;
    spread.strides[2] *= strides[0], spread.strides[3] *= strides[1];
    copy(in[0], spread);
  });
}

constexpr Entry kEntries[] = {{"Pad", make_pad}, {"exConvTransposePad", make_conv_transpose_pad}};

}  // namespace

Family pad_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
