/// Operators that place elements by a rule of their own: triangles, reversed sequences, centred crops, unpooling, and
/// the identity matrix.
#include <algorithm>

#include "npu/ops/copy.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/indices.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// `count` elements from `from` on along `axis` of the source go to `to` along it, one by one at `step` (1 or -1).
struct Span {
  std::int64_t from = 0, to = 0, count = 0, step = 1;
};

/// Copies the span of `axis`, and everything of the other axes that both have.
void copy_span(const ConstTensorView& from, const TensorView& to, int axis, const Span& span) {
  Nest<2> nest;
  for (int i = 0; i < to.shape.rank(); ++i)
    if (i == axis) nest.add(span.count, {span.step * from.strides[i], to.strides[i]});
    else nest.add(std::min(from.shape[i], to.shape[i]), {from.strides[i], to.strides[i]});
  copy(shifted(from, span.from * from.strides[axis]), shifted(to, span.to * to.strides[axis]), nest);
}

/// The view of one index of an axis, which keeps its place with an extent of 1.
template <class View>
View at_index(View view, int axis, std::int64_t index) {
  view = shifted(view, index * view.strides[axis]);
  view.shape[axis] = 1;
  return view;
}

/// Row i keeps the columns from i + k on (upper), or up to i + k (lower).
std::unique_ptr<Operator> make_trilu(const NodeSpec& spec) {
  const Checked node(spec, 1, 2);
  node.expect_same_shape(0);
  const Dims shape = node.in(0).shape;
  if (shape.rank() < 2) node.wrong("has an operand of shape " + to_string(shape));
  const bool upper = node.attributes().integer("upper", 1) != 0;
  constexpr std::int64_t kFar = std::int64_t{1} << 31;
  const std::int64_t k = node.has_input(1) ? std::clamp(node.integers(1, "diagonal").at(0), -kFar, kFar) : 0;
  return running([=](Inputs in, Outputs out, Scratch) {
    const TensorView to = with_shape(out[0], shape);
    fill(to, 0);
    const int row = shape.rank() - 2, column = shape.rank() - 1;
    for (std::int64_t i = 0; i < shape[row]; ++i) {
      const std::int64_t edge = std::clamp<std::int64_t>(i + k + (upper ? 0 : 1), 0, shape[column]);
      const Span kept = upper ? Span{edge, edge, shape[column] - edge} : Span{0, 0, edge};
      if (kept.count > 0) copy_span(at_index(in[0], row, i), at_index(to, row, i), column, kept);
    }
  });
}

/// The first lengths[b] elements of each batch entry in reverse order, the rest as they are.
std::unique_ptr<Operator> make_reverse_sequence(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  node.expect_same_shape(0);
  const Dims shape = node.in(0).shape;
  const int rank = shape.rank();
  const int time = node.axis_of(node.attributes().integer("time_axis", 0), rank);
  const int batch = node.axis_of(node.attributes().integer("batch_axis", 1), rank);
  if (time == batch) node.wrong("has one axis for time and batch");
  if (node.in(1).shape.elements() != shape[batch])
    node.wrong("has " + std::to_string(node.in(1).shape.elements()) + " lengths for a batch of " +
               std::to_string(shape[batch]));
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        const auto lengths = read_indices(in[1], scratch);
        for (std::int64_t b = 0; b < shape[batch]; ++b) {
          const auto n = std::clamp<std::int64_t>(lengths[static_cast<std::size_t>(b)], 0, shape[time]);
          const ConstTensorView one = at_index(in[0], batch, b);
          const TensorView target = at_index(to, batch, b);
          if (n > 0) copy_span(one, target, time, {n - 1, 0, n, -1});
          if (n < shape[time]) copy_span(one, target, time, {n, n, shape[time] - n});
        }
      },
      indices_bytes(node.in(1)));
}

/// Along every axis the middle of the input, or the input in the middle of zeros; the odd element is at the end.
std::unique_ptr<Operator> make_center_crop_pad(const NodeSpec& spec) {
  const Checked node(spec, 1, 2);
  const Dims from = node.in(0).shape, to = node.out().shape;
  if (from.rank() != to.rank()) node.wrong("makes " + to_string(to) + " of " + to_string(from));
  return running([=](Inputs in, Outputs out, Scratch) {
    Nest<2> nest;
    std::ptrdiff_t source = 0, target = 0;
    for (int i = 0; i < to.rank(); ++i) {
      const std::int64_t more = to[i] - from[i];
      nest.add(std::min(from[i], to[i]), {in[0].strides[i], out[0].strides[i]});
      if (more > 0) target += more / 2 * out[0].strides[i];
      else source += -more / 2 * in[0].strides[i];
    }
    if (from != to) fill(out[0], 0);
    copy(shifted(in[0], source), shifted(out[0], target), nest);
  });
}

/// Ones where column - row = k. The operand gives no more than its shape.
std::unique_ptr<Operator> make_eye_like(const NodeSpec& spec) {
  const Checked node(spec, 0, 1);
  const Dims shape = node.out().shape;
  if (shape.rank() != 2) node.wrong("makes shape " + to_string(shape));
  const std::int64_t k = node.attributes().integer("k", 0);
  return running([=](Inputs, Outputs out, Scratch) {
    fill(out[0], 0);
    for (std::int64_t i = 0; i < shape[0]; ++i)
      if (k >= -i && k < shape[1] - i) fill(at_index(at_index(out[0], 0, i), 1, i + k), 1);
  });
}

/// Each value goes where the index, which counts the elements of the whole output, says; zeros elsewhere.
std::unique_ptr<Operator> make_max_unpool(const NodeSpec& spec) {
  const Checked node(spec, 2, 3);
  const Dims from = node.in(0).shape, to = node.out().shape;
  if (node.in(1).shape.elements() != from.elements()) node.wrong("has as many indices as no input");
  if (to.elements() < 1) node.wrong("makes shape " + to_string(to));
  const Meta result = node.out();
  const std::size_t indices = whole_lines(indices_bytes(node.in(1)));
  const std::size_t values = dense_bytes(from, result.dtype), target = dense_bytes(to, result.dtype);
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const auto places = read_indices(in[1], scratch);
        const TensorView value = dense_like(in[0], result.dtype, result.quant, scratch.subspan(indices));
        const TensorView all{scratch.data() + indices + values, result.dtype, to, dense_strides(to), result.quant};
        fill(all, 0);
        for (std::size_t i = 0; i < places.size(); ++i)
          copy_element(value, static_cast<std::ptrdiff_t>(i), all, wrapped(places[i], to.elements()));
        copy(all, out[0]);
      },
      indices + values + target);
}

constexpr Entry kEntries[] = {{"CenterCropPad", make_center_crop_pad},
                              {"EyeLike", make_eye_like},
                              {"MaxUnpool", make_max_unpool},
                              {"ReverseSequence", make_reverse_sequence},
                              {"Trilu", make_trilu}};

}  // namespace

Family arrange_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
