/// Gather, GatherElements, GatherND, Compress: copies from places that index tensors name.
#include "npu/ops/family.hpp"
#include "npu/ops/indices.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// Nothing can be read from an empty axis.
void check_not_empty(const Checked& node, std::int64_t dim) {
  if (dim == 0 && node.out().shape.elements() > 0) node.wrong("reads from an empty axis");
}

/// One strided copy an index.
std::unique_ptr<Operator> make_gather(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims data = node.in(0).shape, indices = node.in(1).shape;
  const int axis = node.axis(0, data.rank());
  const std::int64_t dim = data[axis];
  if (data.rank() - 1 + indices.rank() > Dims::kMax) node.wrong("makes more than 16 dimensions");
  Dims shape;
  for (int i = 0; i < axis; ++i) shape.push_back(data[i]);
  for (auto d : indices) shape.push_back(d);
  for (int i = axis + 1; i < data.rank(); ++i) shape.push_back(data[i]);
  node.expect_output(0, shape);
  check_not_empty(node, dim);
  check_indices(node, 1, dim);
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        const auto index = read_indices(in[1], scratch);
        Nest<2> slice;
        for (int i = 0; i < data.rank(); ++i)
          if (i != axis) slice.add(data[i], {in[0].strides[i], to.strides[i < axis ? i : i - 1 + indices.rank()]});
        Nest<1> places;  // of the indices in the output, in order
        for (int i = 0; i < indices.rank(); ++i) places.add(indices[i], {to.strides[axis + i]});
        if (slice.empty() || index.empty()) return;
        auto next = index.begin();
        places.walk(places.rank(), [&](const auto& at) {
          copy(shifted(in[0], wrapped(*next++, dim) * in[0].strides[axis]), shifted(to, at[0]), slice);
        });
      },
      indices_bytes(node.in(1)));
}

/// The data as the output stores it: the tensor itself, or a copy in scratch memory.
struct Source {
  bool alike;
  Source(const Meta& from, const Meta& to) : alike(stored_alike(from.dtype, from.quant, to.dtype, to.quant)) {}
  std::size_t bytes(const Meta& from, const Meta& to) const { return alike ? 0 : dense_bytes(from.shape, to.dtype); }
  ConstTensorView view(const ConstTensorView& in, const TensorView& out, Scratch scratch) const {
    return alike ? in : ConstTensorView(dense_like(in, out.dtype, out.quant, scratch));
  }
};

std::unique_ptr<Operator> make_gather_elements(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims data = node.in(0).shape, shape = node.in(1).shape;
  const int axis = node.axis(0, data.rank());
  const std::int64_t dim = data[axis];
  bool fits = shape.rank() == data.rank();
  for (int i = 0; fits && i < shape.rank(); ++i) fits = i == axis || shape[i] <= data[i];
  if (!fits) node.wrong("has indices of shape " + to_string(shape) + " for data of " + to_string(data));
  node.expect_output(0, shape);
  check_not_empty(node, dim);
  check_indices(node, 1, dim);
  const Source source(node.in(0), node.out());
  const std::size_t index_bytes = whole_lines(indices_bytes(node.in(1)));
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        const auto index = read_indices(in[1], scratch);
        const auto from = source.view(in[0], to, scratch.subspan(index_bytes));
        Nest<2> nest;
        for (int i = 0; i < shape.rank(); ++i) nest.add(shape[i], {i == axis ? 0 : from.strides[i], to.strides[i]});
        if (index.empty()) return;
        auto next = index.begin();
        nest.walk(nest.rank(), [&](const auto& at) {
          copy_element(from, at[0] + wrapped(*next++, dim) * from.strides[axis], to, at[1]);
        });
      },
      index_bytes + source.bytes(node.in(0), node.out()));
}

std::unique_ptr<Operator> make_gather_nd(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims data = node.in(0).shape, indices = node.in(1).shape;
  const std::int64_t batches = node.attributes().integer("batch_dims", 0);
  if (indices.rank() == 0 || batches < 0 || batches >= indices.rank() || batches > data.rank())
    node.wrong("has batch_dims " + std::to_string(batches) + " for indices of " + to_string(indices));
  const int batch = static_cast<int>(batches), outer = indices.rank() - 1;
  const std::int64_t tuple_size = indices[outer];
  if (tuple_size < 0 || tuple_size > data.rank() - batch)
    node.wrong("has tuples of " + std::to_string(tuple_size) + " indices for data of " + to_string(data));
  const int tuple = static_cast<int>(tuple_size), first = batch + tuple;
  Dims shape;
  for (int i = 0; i < outer; ++i) {
    if (i < batch && indices[i] != data[i])
      node.wrong("has indices of " + to_string(indices) + " for data of " + to_string(data));
    shape.push_back(indices[i]);
  }
  if (outer + data.rank() - first > Dims::kMax) node.wrong("makes more than 16 dimensions");
  for (int i = first; i < data.rank(); ++i) shape.push_back(data[i]);
  node.expect_output(0, shape);
  std::vector<std::int64_t> dims(data.begin() + batch, data.begin() + first);
  for (auto d : dims) check_not_empty(node, d);
  check_index_tuples(node, 1, dims);
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        const auto index = read_indices(in[1], scratch);
        Nest<2> slice, places;
        for (int i = first; i < data.rank(); ++i) slice.add(data[i], {in[0].strides[i], to.strides[outer + i - first]});
        for (int i = 0; i < outer; ++i) places.add(indices[i], {i < batch ? in[0].strides[i] : 0, to.strides[i]});
        if (slice.empty() || places.empty()) return;
        auto next = index.begin();
        places.walk(places.rank(), [&](const auto& at) {
          std::ptrdiff_t offset = at[0];
          for (int i = 0; i < tuple; ++i)
            offset += wrapped(*next++, dims[static_cast<std::size_t>(i)]) * in[0].strides[batch + i];
          copy(shifted(in[0], offset), shifted(to, at[1]), slice);
        });
      },
      indices_bytes(node.in(1)));
}

/// The slices whose condition is true. Constant conditions only: others would decide the output's shape.
std::unique_ptr<Operator> make_compress(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const bool flat = !node.attributes().has("axis");
  const Dims given = node.in(0).shape, data = flat ? Dims{given.elements()} : given;
  const int axis = flat ? 0 : node.axis(0, data.rank());
  const auto condition = node.integers(1, "a condition");
  if (static_cast<std::int64_t>(condition.size()) > data[axis])
    node.wrong("has " + std::to_string(condition.size()) + " conditions for " + to_string(data));
  std::vector<std::int64_t> kept;
  for (std::size_t i = 0; i < condition.size(); ++i)
    if (condition[i]) kept.push_back(static_cast<std::int64_t>(i));
  Dims shape = data;
  shape[axis] = static_cast<std::int64_t>(kept.size());
  node.expect_output(0, shape);
  const std::size_t bytes = flat ? dense_bytes(given, node.out().dtype) : 0;
  return running(
      [=, kept = std::move(kept)](Inputs in, Outputs out, Scratch scratch) {
        const TensorView to = with_shape(out[0], shape);
        ConstTensorView from = in[0];
        if (flat) {
          from = dense_like(in[0], to.dtype, to.quant, scratch);
          from.shape = data, from.strides = dense_strides(data);
        }
        Nest<2> slice;
        for (int i = 0; i < data.rank(); ++i)
          if (i != axis) slice.add(data[i], {from.strides[i], to.strides[i]});
        if (slice.empty()) return;
        for (std::size_t i = 0; i < kept.size(); ++i)
          copy(shifted(from, kept[i] * from.strides[axis]),
               shifted(to, static_cast<std::ptrdiff_t>(i) * to.strides[axis]), slice);
      },
      bytes);
}

constexpr Entry kEntries[] = {
    {"Compress", make_compress},
    {"Gather", make_gather},
    {"GatherElements", make_gather_elements},
    {"GatherND", make_gather_nd},
};

}  // namespace

Family gather_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
