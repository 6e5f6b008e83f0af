/// ScatterElements (once Scatter) and ScatterND: a copy of the data, then updates at places that index tensors name.
#include <algorithm>

#include "npu/ops/family.hpp"
#include "npu/ops/indices.hpp"

namespace ez_rknn::npu::ops {
namespace {

enum class Reduction { none, add, mul, max, min };

Reduction reduction_of(const Checked& node) {
  const std::string name = node.attributes().text("reduction", "none");
  constexpr std::pair<const char*, Reduction> kNames[] = {{"none", Reduction::none},
                                                          {"add", Reduction::add},
                                                          {"mul", Reduction::mul},
                                                          {"max", Reduction::max},
                                                          {"min", Reduction::min}};
  for (const auto& [known, value] : kNames)
    if (name == known) return value;
  node.missing("reduction \"" + name + "\"");
}

/// Where updates are applied. Plain scattering moves stored numbers in the output itself; a reduction that met an
/// element twice would round twice there, so it works in a dense copy of wider numbers.
struct Work {
  Reduction reduction = Reduction::none;
  DType type = DType::f32;
  Quant quant;
  Dims data;
  std::size_t index_bytes = 0, update_bytes = 0, data_bytes = 0;

  Work(const Checked& node, const Dims& shape) : reduction(reduction_of(node)), data(shape) {
    const Meta& out = node.out();
    const bool integers = is_plain_integer(out.dtype, out.quant) && size_of(out.dtype) >= 4;
    if (reduction == Reduction::none) type = out.dtype, quant = out.quant;
    else if (integers) type = DType::i64;
    index_bytes = whole_lines(indices_bytes(node.in(1)));
    update_bytes = dense_bytes(node.in(2).shape, type);
    if (reduction != Reduction::none) data_bytes = dense_bytes(data, type);
  }
  std::size_t bytes() const { return index_bytes + update_bytes + data_bytes; }

  /// The data, copied to where it is updated.
  TensorView start(const ConstTensorView& in, const TensorView& out, Scratch scratch) const {
    if (reduction != Reduction::none) return dense_like(in, type, quant, scratch.subspan(index_bytes + update_bytes));
    copy(in, out);
    return out;
  }
  ConstTensorView updates(const ConstTensorView& in, Scratch scratch) const {
    return dense_like(in, type, quant, scratch.subspan(index_bytes));
  }
  void finish(const TensorView& work, const TensorView& out) const {
    if (reduction != Reduction::none) copy(work, out);
  }

  void update(const TensorView& to, std::ptrdiff_t at, const ConstTensorView& from, std::ptrdiff_t from_at) const {
    if (reduction == Reduction::none) return copy_element(from, from_at, to, at);
    double old = 0, value = 0;
    load_row(ConstTensorView(to), at, 0, 1, &old);
    load_row(from, from_at, 0, 1, &value);
    switch (reduction) {
      case Reduction::add: value = old + value; break;
      case Reduction::mul: value = old * value; break;
      case Reduction::max: value = std::max(old, value); break;
      default: value = std::min(old, value); break;
    }
    store_row(to, at, 0, 1, &value);
  }
};

std::unique_ptr<Operator> make_scatter_elements(const NodeSpec& spec) {
  const Checked node(spec, 3, 3);
  const Dims data = node.in(0).shape, shape = node.in(1).shape;
  const int axis = node.axis(0, data.rank());
  const std::int64_t dim = data[axis];
  bool fits = shape.rank() == data.rank() && node.in(2).shape == shape;
  for (int i = 0; fits && i < shape.rank(); ++i) fits = i == axis || shape[i] <= data[i];
  if (!fits || (dim == 0 && shape.elements() > 0))
    node.wrong("has indices of shape " + to_string(shape) + " and updates of " + to_string(node.in(2).shape) +
               " for data of " + to_string(data));
  node.expect_output(0, data);
  check_indices(node, 1, dim);
  const Work work(node, data);
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const auto index = read_indices(in[1], scratch);
        const auto updates = work.updates(in[2], scratch);
        const TensorView target = with_shape(out[0], data), to = work.start(in[0], target, scratch);
        Nest<1> places;
        for (int i = 0; i < shape.rank(); ++i) places.add(shape[i], {i == axis ? 0 : to.strides[i]});
        if (index.empty()) return work.finish(to, target);
        std::ptrdiff_t k = 0;
        places.walk(places.rank(), [&](const auto& at) {
          const std::int64_t i = wrapped(index[static_cast<std::size_t>(k)], dim);
          work.update(to, at[0] + i * to.strides[axis], updates, k);
          ++k;
        });
        work.finish(to, target);
      },
      work.bytes());
}

std::unique_ptr<Operator> make_scatter_nd(const NodeSpec& spec) {
  const Checked node(spec, 3, 3);
  const Dims data = node.in(0).shape, indices = node.in(1).shape, given = node.in(2).shape;
  if (indices.rank() == 0 || indices.back() < 0 || indices.back() > data.rank())
    node.wrong("has indices of shape " + to_string(indices) + " for data of " + to_string(data));
  const int tuple = static_cast<int>(indices.back());
  Dims expected;
  if (indices.rank() - 1 + data.rank() - tuple > Dims::kMax) node.wrong("updates more than 16 dimensions");
  for (int i = 0; i + 1 < indices.rank(); ++i) expected.push_back(indices[i]);
  std::int64_t slice_elements = 1;
  for (int i = tuple; i < data.rank(); ++i) expected.push_back(data[i]), slice_elements *= data[i];
  if (!(given == expected))
    node.wrong("has updates of shape " + to_string(given) + ", expected " + to_string(expected));
  node.expect_output(0, data);
  const std::vector<std::int64_t> dims(data.begin(), data.begin() + tuple);
  if (std::count(dims.begin(), dims.end(), 0) > 0 && expected.elements() > 0) node.wrong("updates an empty axis");
  check_index_tuples(node, 1, dims);
  const Work work(node, data);
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const auto index = read_indices(in[1], scratch);
        const auto updates = work.updates(in[2], scratch);
        const TensorView target = with_shape(out[0], data), to = work.start(in[0], target, scratch);
        Nest<1> slice;
        for (int i = tuple; i < data.rank(); ++i) slice.add(data[i], {to.strides[i]});
        if (expected.elements() == 0) return work.finish(to, target);
        std::ptrdiff_t from = 0;
        for (std::size_t next = 0; from < expected.elements();) {
          std::ptrdiff_t place = 0;
          for (int i = 0; i < tuple; ++i) place += wrapped(index[next++], data[i]) * to.strides[i];
          slice.walk(slice.rank(), [&](const auto& at) { work.update(to, place + at[0], updates, from++); });
        }
        work.finish(to, target);
      },
      work.bytes());
}

constexpr Entry kEntries[] = {
    {"Scatter", make_scatter_elements},
    {"ScatterElements", make_scatter_elements},
    {"ScatterND", make_scatter_nd},
};

}  // namespace

Family scatter_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
