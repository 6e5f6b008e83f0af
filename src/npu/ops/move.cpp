/// Operators that put the elements of one tensor into another order: each is one walk over a nest of loops.
#include <algorithm>

#include "npu/ops/check.hpp"
#include "npu/ops/copy.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// Reshape, and everything that is a Reshape once the shapes are known; with equal shapes a copy or requantisation.
std::unique_ptr<Operator> make_reshape(const NodeSpec& spec) {
  const Checked node(spec, 1, 8, 1, 2);
  const Dims from = node.in(0).shape, to = node.out().shape;
  if (from.elements() != to.elements())
    node.wrong("turns shape " + to_string(from) + " into " + to_string(to) + ", which has another number of elements");
  if (node.has_output(1)) node.missing("a second output");
  return running([](Inputs in, Outputs out, Scratch scratch) { reshape(in[0], out[0], scratch); },
                 reshape_scratch_bytes(from, to, node.in(0).dtype));
}

std::unique_ptr<Operator> make_transpose(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  const int rank = node.in(0).rank();
  std::vector<std::int64_t> perm = node.attributes().integers("perm");
  if (perm.empty())
    for (int i = rank - 1; i >= 0; --i) perm.push_back(i);
  if (static_cast<int>(perm.size()) != rank)
    node.wrong("has a perm of " + std::to_string(perm.size()) + " axes for rank " + std::to_string(rank));
  std::vector<int> axes;
  Dims shape;
  for (auto p : perm) axes.push_back(node.axis_of(p, rank)), shape.push_back(node.in(0).shape[axes.back()]);
  for (int a = 0; a < rank; ++a)
    if (const auto n = std::count(axes.begin(), axes.end(), a); n != 1)
      node.wrong("has a perm that names axis " + std::to_string(a) + " " + std::to_string(n) + " times");
  node.expect_output(0, shape);
  return running([axes, shape](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    Nest<2> nest;
    for (int i = 0; i < shape.rank(); ++i)
      nest.add(shape[i], {in[0].strides[axes[static_cast<std::size_t>(i)]], to.strides[i]});
    copy(in[0], to, nest);
  });
}

struct Cut {
  std::int64_t start = 0, step = 1, size = 0;
};

/// ONNX's rules: negative positions count from the end, then positions are clamped to what the direction can reach.
Cut cut(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t dim) {
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  if (dim == 0) return {0, 1, 0};
  step = std::clamp(step, -dim, dim);  // the same elements, and no overflow below
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, dim), end = std::clamp<std::int64_t>(end, 0, dim);
    return {start, step, end > start ? (end - start - 1) / step + 1 : 0};
  }
  start = std::clamp<std::int64_t>(start, 0, dim - 1), end = std::clamp<std::int64_t>(end, -1, dim - 1);
  return {start, step, start > end ? (start - end - 1) / -step + 1 : 0};
}

std::unique_ptr<Operator> make_slice(const NodeSpec& spec) {
  const Checked node(spec, 1, 5);
  const Dims from = node.in(0).shape;
  const int rank = from.rank();
  const bool operands = node.inputs() > 1;
  const auto list = [&](int i, const char* name) {
    if (operands) return node.has_input(i) ? node.integers(i, name) : std::vector<std::int64_t>{};
    return node.attributes().integers(name);
  };
  const auto starts = list(1, "starts"), ends = list(2, "ends");
  auto axes = list(3, "axes"), steps = list(4, "steps");
  if (axes.empty())
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    node.wrong("has starts, ends, axes and steps of different lengths");
  std::vector<Cut> cuts;
  for (auto d : from) cuts.push_back({0, 1, d});
  for (std::size_t i = 0; i < starts.size(); ++i) {
    if (steps[i] == 0) node.wrong("has a step of 0");
    const int axis = node.axis_of(axes[i], rank);
    cuts[static_cast<std::size_t>(axis)] = cut(starts[i], ends[i], steps[i], from[axis]);
  }
  Dims shape;
  for (const Cut& c : cuts) shape.push_back(c.size);
  node.expect_output(0, shape);
  return running([cuts, shape](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    Nest<2> nest;
    std::ptrdiff_t first = 0;
    for (int i = 0; i < shape.rank(); ++i) {
      const Cut& c = cuts[static_cast<std::size_t>(i)];
      nest.add(c.size, {c.step * in[0].strides[i], to.strides[i]});
      first += c.start * in[0].strides[i];
    }
    if (!nest.empty()) copy(shifted(in[0], first), to, nest);
  });
}

std::unique_ptr<Operator> make_tile(const NodeSpec& spec) {
  const Checked node(spec, 1, 2);
  const Dims from = node.in(0).shape;
  const auto repeats = node.inputs() > 1 ? node.integers(1, "repeats") : node.attributes().integers("repeats");
  if (static_cast<int>(repeats.size()) != from.rank())
    node.wrong("has " + std::to_string(repeats.size()) + " repeats for rank " + std::to_string(from.rank()));
  Dims shape;
  for (int i = 0; i < from.rank(); ++i) {
    const std::int64_t n = repeats[static_cast<std::size_t>(i)];
    if (n < 0 || n > (std::int64_t{1} << 40)) node.wrong("repeats an axis " + std::to_string(n) + " times");
    shape.push_back(from[i] == 0 ? 0 : n > node.out().shape.elements() ? -1 : from[i] * n);
  }
  node.expect_output(0, shape);
  return running([from, repeats, shape](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    Nest<2> nest;
    for (int i = 0; i < from.rank(); ++i) {
      nest.add(repeats[static_cast<std::size_t>(i)], {0, from[i] * to.strides[i]});
      nest.add(from[i], {in[0].strides[i], to.strides[i]});
    }
    copy(in[0], to, nest);
  });
}

/// The output's shape says it all: it already is the broadcast of the input's and the wanted one.
std::unique_ptr<Operator> make_expand(const NodeSpec& spec) {
  const Checked node(spec, 1, 2);
  const Dims from = node.in(0).shape, to = node.out().shape;
  for (int i = 0; i < from.rank(); ++i) {
    const int other = to.rank() - from.rank() + i;
    if (from[i] != 1 && (other < 0 || to[other] != from[i]))
      node.wrong("cannot expand " + to_string(from) + " to " + to_string(to));
  }
  return running([](Inputs in, Outputs out, Scratch) { copy(in[0], out[0]); });
}

struct Blocks {
  std::int64_t size = 1;
  bool depth_inside = false;  ///< CRD: the channel is the slower part of the deep channel number
};

/// Both directions walk the same nest: `deep` has C * b * b channels, `wide` b times the height and width.
Nest<2> block_nest(const Blocks& b, const Dims& wide_shape, const Dims& wide, const Dims& deep, bool to_wide) {
  Nest<2> nest;
  const std::int64_t n = b.size, c = wide_shape[1];
  const auto add = [&](std::int64_t size, std::ptrdiff_t wide_step, std::ptrdiff_t deep_step) {
    nest.add(size, to_wide ? Nest<2>::Steps{deep_step, wide_step} : Nest<2>::Steps{wide_step, deep_step});
  };
  add(wide_shape[0], wide[0], deep[0]);
  add(c, wide[1], deep[1] * (b.depth_inside ? n * n : 1));
  add(n, wide[2], deep[1] * (b.depth_inside ? n : n * c));
  add(n, wide[3], deep[1] * (b.depth_inside ? 1 : c));
  add(wide_shape[2] / n, wide[2] * n, deep[2]);
  add(wide_shape[3] / n, wide[3] * n, deep[3]);
  return nest;
}

std::unique_ptr<Operator> make_blocks(const NodeSpec& spec) {
  const Checked node(spec, 1, 1);
  const bool to_wide = node.type() == "DepthToSpace";
  const Dims from = node.in(0).shape;
  Blocks blocks;
  blocks.size = node.attributes().integer("blocksize", 1);
  const std::string mode = node.attributes().text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") node.missing("mode \"" + mode + "\"");
  blocks.depth_inside = to_wide && mode == "CRD";
  if (from.rank() != 4) node.missing("rank " + std::to_string(from.rank()));
  const std::int64_t b = blocks.size;
  if (b < 1 || b > 65536) node.wrong("has blocksize " + std::to_string(b));
  if (to_wide ? from[1] % (b * b) != 0 : from[2] % b != 0 || from[3] % b != 0)
    node.wrong("cannot cut " + to_string(from) + " into blocks of " + std::to_string(b));
  const Dims shape = to_wide ? Dims{from[0], from[1] / (b * b), from[2] * b, from[3] * b}
                             : Dims{from[0], from[1] * b * b, from[2] / b, from[3] / b};
  node.expect_output(0, shape);
  return running([blocks, shape, to_wide](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    copy(in[0], to,
         to_wide ? block_nest(blocks, shape, to.strides, in[0].strides, true)
                 : block_nest(blocks, in[0].shape, in[0].strides, to.strides, false));
  });
}

constexpr Entry kEntries[] = {
    {"DepthToSpace", make_blocks}, {"Dropout", make_reshape},     {"Expand", make_expand},
    {"Flatten", make_reshape},     {"Identity", make_reshape},    {"Reshape", make_reshape},
    {"Slice", make_slice},         {"SpaceToDepth", make_blocks}, {"Squeeze", make_reshape},
    {"Tile", make_tile},           {"Transpose", make_transpose}, {"Unsqueeze", make_reshape},
};

}  // namespace

Family move_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
