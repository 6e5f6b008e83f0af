#include "npu/ops/check.hpp"

#include <algorithm>

#include "ez_rknn/error.hpp"
#include "npu/ops/copy.hpp"

namespace ez_rknn::npu::ops {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

std::string squeezed(const Dims& d) {
  Dims s;
  for (auto n : d)
    if (n != 1) s.push_back(n);
  return to_string(s);
}

template <class T>
std::vector<T> numbers(const ConstTensorView& view) {
  std::vector<T> v(static_cast<std::size_t>(view.shape.elements()));
  if (v.empty()) return v;
  Nest<1> nest;  // untidy: in logical order
  for (int i = 0; i < view.shape.rank(); ++i) nest.add(view.shape[i], {view.strides[i]});
  T* to = v.data();
  nest.rows([&](const auto& at, std::int64_t n, const auto& step) {
    load_row(view, at[0], step[0], n, to);
    to += n;
  });
  return v;
}

}  // namespace

Checked::Checked(const NodeSpec& spec, int min_inputs, int max_inputs, int min_outputs, int max_outputs) : spec_(spec) {
  const auto count = [&](const char* what, int n, int low, int high) {
    if (n < low || n > high)
      wrong("has " + std::to_string(n) + " " + what + ", expected " + std::to_string(low) +
            (high == low ? "" : " to " + std::to_string(high)));
  };
  count("inputs", inputs(), min_inputs, max_inputs);
  count("outputs", outputs(), min_outputs, max_outputs);
  const auto meta = [&](const OperandSpec& o) {
    if (!o.tensor) return Meta{};
    Meta m{o.tensor->dtype, o.tensor->shape, o.tensor->quant};
    if (o.constant) m = {o.constant.dtype, o.constant.shape, o.constant.quant};
    if (is_float(m.dtype) || m.dtype == DType::boolean) m.quant = Quant{};
    std::int64_t n = 1;
    for (auto d : m.shape) {
      if (d < 0 || d > kMaxElements || (n *= d) > kMaxElements)
        wrong("has operand \"" + o.tensor->name + "\" of impossible shape " + to_string(m.shape));
    }
    if (m.dtype == DType::i4) missing("operand \"" + o.tensor->name + "\" of type int4");
    const bool constant = o.tensor->kind == file::Kind::constant || o.tensor->kind == file::Kind::cpu_constant;
    if (constant && !o.constant && o.tensor->data.empty() && n > 0)
      wrong("needs the constant \"" + o.tensor->name + "\", which holds no data");
    return m;
  };
  for (const auto& o : spec.inputs) in_.push_back(meta(o));
  for (const auto& o : spec.outputs) out_.push_back(meta(o));
}

bool Checked::has_input(int i) const {
  return i < inputs() && spec_.inputs[static_cast<std::size_t>(i)].tensor &&
         in_[static_cast<std::size_t>(i)].shape.elements() > 0;
}
bool Checked::has_output(int i) const { return i < outputs() && spec_.outputs[static_cast<std::size_t>(i)].tensor; }
bool Checked::is_constant(int i) const {
  return i < inputs() && static_cast<bool>(spec_.inputs[static_cast<std::size_t>(i)].constant);
}

const Meta& Checked::in(int i) const {
  if (i >= inputs() || !spec_.inputs[static_cast<std::size_t>(i)].tensor) wrong("lacks input " + std::to_string(i));
  return in_[static_cast<std::size_t>(i)];
}
const Meta& Checked::out(int i) const {
  if (!has_output(i)) wrong("lacks output " + std::to_string(i));
  return out_[static_cast<std::size_t>(i)];
}

const OperandSpec& Checked::constant(int i, const char* what) const {
  in(i);
  const OperandSpec& o = spec_.inputs[static_cast<std::size_t>(i)];
  if (!o.constant && o.tensor->shape.elements() > 0)
    missing(std::string(what) + " that is computed by the network (\"" + o.tensor->name +
            "\"); only a constant is built");
  return o;
}
std::vector<std::int64_t> Checked::integers(int i, const char* what) const {
  const auto& view = constant(i, what).constant;
  return view ? numbers<std::int64_t>(view) : std::vector<std::int64_t>{};
}
std::vector<double> Checked::reals(int i, const char* what) const {
  const auto& view = constant(i, what).constant;
  return view ? numbers<double>(view) : std::vector<double>{};
}
double Checked::scalar(int i, const char* what) const {
  const auto v = reals(i, what);
  if (v.empty()) wrong(std::string("has an empty ") + what);
  return v.front();
}

int Checked::axis_of(std::int64_t axis, int rank) const {
  if (axis < -rank || axis >= rank)
    wrong("has axis " + std::to_string(axis) + " for an operand of rank " + std::to_string(rank));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}
std::vector<int> Checked::axes_of(const std::vector<std::int64_t>& axes, int rank) const {
  std::vector<int> v;
  for (auto a : axes) v.push_back(axis_of(a, rank));
  std::sort(v.begin(), v.end());
  v.erase(std::unique(v.begin(), v.end()), v.end());
  return v;
}

void Checked::expect_output(int i, const Dims& shape) const {
  if (squeezed(out(i).shape) != squeezed(shape))
    wrong("computes shape " + to_string(shape) + " for output " + std::to_string(i) + ", which the file gives as " +
          to_string(out(i).shape));
}

void Checked::expect_broadcast(int i, const Dims& to) const {
  const Dims& d = in(i).shape;
  for (int k = 0; k < d.rank(); ++k) {
    const int other = to.rank() - d.rank() + k;
    if (d[k] != 1 && (other < 0 || to[other] != d[k]))
      wrong("has an operand of shape " + to_string(d) + " for a product of " + to_string(to));
  }
}

Dims Checked::broadcast(const std::vector<int>& which) const {
  int rank = 0;
  for (int i : which) rank = std::max(rank, in(i).rank());
  Dims shape;
  for (int d = 0; d < rank; ++d) {
    std::int64_t n = 1;
    for (int i : which) {
      const int own = d - (rank - in(i).rank());
      if (own < 0 || in(i).shape[own] == 1) continue;
      if (n != 1 && n != in(i).shape[own])
        wrong("cannot broadcast " + to_string(in(which.front()).shape) + " with " + to_string(in(i).shape));
      n = in(i).shape[own];
    }
    shape.push_back(n);
  }
  return shape;
}

std::string Checked::prefix() const { return "node \"" + spec_.node.name + "\" (" + spec_.node.type + ") "; }
void Checked::wrong(const std::string& what) const { throw ModelError(0, prefix() + what); }
void Checked::missing(const std::string& what) const {
  throw Unsupported(prefix() + "needs what the software NPU does not have: " + what);
}

}  // namespace ez_rknn::npu::ops
