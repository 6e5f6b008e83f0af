/// Concat and Split: copies between a tensor and ranges of another along one axis. Where the plan has placed all parts
/// inside the whole already, it does not ask for these; of a Concat it may have placed some.
#include "npu/ops/check.hpp"
#include "npu/ops/copy.hpp"
#include "npu/ops/family.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// The axis along which two shapes of one rank differ, for files that leave the attribute out; 0 when none does.
int differing_axis(const Dims& a, const Dims& b) {
  for (int i = 0; i < a.rank() && i < b.rank(); ++i)
    if (a[i] != b[i]) return i;
  return 0;
}

Nest<2> whole(const Dims& shape, const Dims& from, const Dims& to) {
  Nest<2> nest;
  for (int i = 0; i < shape.rank(); ++i) nest.add(shape[i], {from[i], to[i]});
  return nest;
}

struct Part {
  std::size_t operand;
  std::int64_t first;
  Dims shape;
};

int axis_of(const Checked& node, const Dims& whole, const Dims& part) {
  return node.attributes().has("axis") ? node.axis(0, whole.rank()) : differing_axis(whole, part);
}

/// @throws ModelError unless `part` is a piece of `whole` along the axis
void check_part(const Checked& node, const Dims& part, const Dims& whole, int axis) {
  bool fits = part.rank() == whole.rank();
  for (int i = 0; fits && i < whole.rank(); ++i) fits = i == axis || part[i] == whole[i];
  if (!fits)
    node.wrong("has a part of shape " + to_string(part) + " in a whole of " + to_string(whole) + " along axis " +
               std::to_string(axis));
}

std::unique_ptr<Operator> make_concat(const NodeSpec& spec) {
  const Checked node(spec, 1, 4096);
  const Dims total = node.out().shape;
  if (total.rank() == 0) node.wrong("joins scalars");
  std::vector<Part> parts;
  std::int64_t first = 0;
  int axis = -1;
  for (int i = 0; i < node.inputs(); ++i) {
    if (!node.has_input(i)) continue;
    const Dims part = node.in(i).shape;
    if (axis < 0) axis = axis_of(node, total, part);
    check_part(node, part, total, axis);
    parts.push_back({static_cast<std::size_t>(i), first, part});
    first += part[axis];
  }
  if (first != total[std::max(axis, 0)])
    node.wrong("joins " + std::to_string(first) + " elements along axis " + std::to_string(axis) + " for shape " +
               to_string(total));
  return running([parts, axis](Inputs in, Outputs out, Scratch) {
    for (const Part& p : parts) {
      const TensorView to = shifted(out[0], p.first * out[0].strides[axis]);
      if (in[p.operand].data == to.data) continue;  // its place is there
      copy(in[p.operand], to, whole(p.shape, in[p.operand].strides, to.strides));
    }
  });
}

std::unique_ptr<Operator> make_split(const NodeSpec& spec) {
  const Checked node(spec, 1, 2, 1, 4096);
  const Dims total = node.in(0).shape;
  if (total.rank() == 0) node.wrong("splits a scalar");
  int axis = -1;
  for (int i = 0; i < node.outputs() && axis < 0; ++i)
    if (node.has_output(i)) axis = axis_of(node, total, node.out(i).shape);
  std::vector<std::int64_t> sizes = node.attributes().integers("split");
  if (node.has_input(1)) sizes = node.integers(1, "split sizes");
  if (!sizes.empty() && sizes.size() != static_cast<std::size_t>(node.outputs()))
    node.wrong("has " + std::to_string(sizes.size()) + " split sizes for " + std::to_string(node.outputs()) +
               " outputs");
  std::vector<Part> parts;
  std::int64_t first = 0;
  for (int i = 0; i < node.outputs(); ++i) {
    std::int64_t size = sizes.empty() ? -1 : sizes[static_cast<std::size_t>(i)];
    if (node.has_output(i)) {
      const Dims part = node.out(i).shape;
      check_part(node, part, total, axis);
      if (size >= 0 && size != part[axis])
        node.wrong("has split size " + std::to_string(size) + " for an output of shape " + to_string(part));
      size = part[axis];
      parts.push_back({static_cast<std::size_t>(i), first, part});
    } else if (size < 0) {
      size = total[std::max(axis, 0)] / node.outputs();  // an output nobody wants, in equal parts
    }
    if (size < 0 || size > total[std::max(axis, 0)] - first)
      node.wrong("splits " + to_string(total) + " into more than there is along axis " + std::to_string(axis));
    first += size;
  }
  return running([parts, axis](Inputs in, Outputs out, Scratch) {
    for (const Part& p : parts) {
      const TensorView& to = out[p.operand];
      copy(shifted(in[0], p.first * in[0].strides[axis]), to, whole(p.shape, in[0].strides, to.strides));
    }
  });
}

constexpr Entry kEntries[] = {{"Concat", make_concat}, {"Split", make_split}};

}  // namespace

Family join_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
