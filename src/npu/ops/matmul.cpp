/// Products of matrices that the network computes: exMatMul, MatMul, Gemm.
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/gemm.hpp"
#include "npu/ops/indices.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// A batch of products and where they lie in the tensors.
struct Product {
  Dims batch;  ///< broadcast of both operands' outer dimensions
  std::int64_t m = 0, n = 0, k = 0;
  Dims result;  ///< batch, m, n

  std::size_t result_bytes() const { return whole_lines(static_cast<std::size_t>(result.elements()) * sizeof(float)); }
  std::size_t bytes() const { return result_bytes() + gemm_bytes(m, n, k); }
};

/// A tensor as a batch of matrices: the outer dimensions as they are, then the two that matter.
struct Stack {
  ConstTensorView view;
  Dims batch, batch_strides;
  std::ptrdiff_t row = 0, column = 0;

  std::ptrdiff_t batch_stride(int i, int rank) const {
    const int own = i - (rank - batch.rank());
    return own < 0 || batch[own] == 1 ? 0 : batch_strides[own];
  }
};

/// All products into a dense float array of shape `result` at the start of scratch.
TensorView multiply(const Product& p, const Stack& a, const Stack& b, Scratch scratch) {
  auto* c = reinterpret_cast<float*>(scratch.data());
  Nest<2> batches;
  for (int i = 0; i < p.batch.rank(); ++i)
    batches.add(p.batch[i], {a.batch_stride(i, p.batch.rank()), b.batch_stride(i, p.batch.rank())});
  batches.walk(batches.rank(), [&](const auto& at) {
    gemm({a.view, at[0], a.row, a.column}, {b.view, at[1], b.row, b.column}, p.m, p.n, p.k, c,
         scratch.subspan(p.result_bytes()));
    c += p.m * p.n;
  });
  return {scratch.data(), DType::f32, p.result, dense_strides(p.result), {}};
}

/// result = result (+ or *) operand, broadcast.
void combine(const TensorView& result, const ConstTensorView& operand, bool multiplies, float factor = 1) {
  compute_rows<float, 2>({result, operand}, result, [&](const float* const(&x)[2], float* y, std::int64_t n) {
    if (multiplies)
      for (std::int64_t i = 0; i < n; ++i) y[i] = x[0][i] * x[1][i];
    else
      for (std::int64_t i = 0; i < n; ++i) y[i] = x[0][i] + factor * x[1][i];
  });
}

/// out[b, m, 0, n] = sum over k of A[b, k, 0, m] * B[b, k, 0, n], then plus or times further operands.
std::unique_ptr<Operator> make_ex_matmul(const NodeSpec& spec) {
  const Checked node(spec, 2, 8);
  const Dims a = node.in(0).shape, b = node.in(1).shape;
  if (a.rank() != 4 || b.rank() != 4 || a[2] != 1 || b[2] != 1 || a[1] != b[1] ||
      (a[0] != b[0] && a[0] != 1 && b[0] != 1))
    node.wrong("multiplies " + to_string(a) + " by " + to_string(b));
  Product p;
  p.batch = {std::max(a[0], b[0])};
  if (a[0] == 0 || b[0] == 0) p.batch = {0};
  p.m = a[3], p.n = b[3], p.k = a[1];
  p.result = {p.batch[0], p.m, 1, p.n};
  node.expect_output(0, p.result);
  const std::string type = node.attributes().text("c_type", "add");
  if (type != "add" && type != "mul") node.missing("c_type \"" + type + "\"");
  std::vector<std::size_t> further;
  for (int i = 2; i < node.inputs(); ++i) {
    if (!node.has_input(i)) continue;
    node.expect_broadcast(i, p.result);
    further.push_back(static_cast<std::size_t>(i));
  }
  return running(
      [p, further, multiplies = type == "mul"](Inputs in, Outputs out, Scratch scratch) {
        const auto stack = [](const ConstTensorView& v, int row, int column) {
          return Stack{v, {v.shape[0]}, {v.strides[0]}, v.strides[row], v.strides[column]};
        };
        const TensorView c = multiply(p, stack(in[0], 3, 1), stack(in[1], 1, 3), scratch);
        for (std::size_t i : further) combine(c, in[i], multiplies);
        copy(c, with_shape(out[0], p.result));
      },
      p.bytes());
}

/// numpy.matmul: leading dimensions broadcast, a vector is a row on the left and a column on the right.
std::unique_ptr<Operator> make_matmul(const NodeSpec& spec) {
  const Checked node(spec, 2, 2);
  const Dims a = node.in(0).shape, b = node.in(1).shape;
  if (a.rank() == 0 || b.rank() == 0) node.wrong("multiplies a scalar");
  const auto outer = [](const Dims& d) {
    Dims o;
    for (int i = 0; i + 2 < d.rank(); ++i) o.push_back(d[i]);
    return o;
  };
  Product p;
  p.m = a.rank() > 1 ? a[a.rank() - 2] : 1, p.k = a.back(), p.n = b.rank() > 1 ? b.back() : 1;
  const Dims oa = outer(a), ob = outer(b);
  const int rank = std::max(oa.rank(), ob.rank());
  bool fits = p.k == (b.rank() > 1 ? b[b.rank() - 2] : b[0]);
  for (int i = 0; i < rank; ++i) {
    const std::int64_t x = i < rank - oa.rank() ? 1 : oa[i - (rank - oa.rank())];
    const std::int64_t y = i < rank - ob.rank() ? 1 : ob[i - (rank - ob.rank())];
    fits = fits && (x == y || x == 1 || y == 1);
    p.batch.push_back(x == 1 ? y : x);
  }
  if (!fits) node.wrong("multiplies " + to_string(a) + " by " + to_string(b));
  p.result = p.batch;
  p.result.push_back(p.m), p.result.push_back(p.n);
  node.expect_output(0, p.result);
  return running(
      [p, outer](Inputs in, Outputs out, Scratch scratch) {
        const auto stack = [&](const ConstTensorView& v, bool left) {
          const int r = v.shape.rank();
          const bool vector = r == 1;
          return Stack{v, outer(v.shape), outer(v.strides), vector ? (left ? 0 : v.strides[0]) : v.strides[r - 2],
                       vector && !left ? 0 : v.strides[r - 1]};
        };
        copy(multiply(p, stack(in[0], true), stack(in[1], false), scratch), with_shape(out[0], p.result));
      },
      p.bytes());
}

std::unique_ptr<Operator> make_gemm(const NodeSpec& spec) {
  const Checked node(spec, 2, 3);
  const Dims a = node.in(0).shape, b = node.in(1).shape;
  const auto& attributes = node.attributes();
  const bool ta = attributes.integer("transA", 0) != 0, tb = attributes.integer("transB", 0) != 0;
  if (a.rank() != 2 || b.rank() != 2 || a[ta ? 0 : 1] != b[tb ? 1 : 0])
    node.wrong("multiplies " + to_string(a) + " by " + to_string(b));
  Product p;
  p.m = a[ta ? 1 : 0], p.n = b[tb ? 0 : 1], p.k = a[ta ? 0 : 1];
  p.result = {p.m, p.n};
  node.expect_output(0, p.result);
  const bool has_c = node.has_input(2);
  if (has_c) node.expect_broadcast(2, p.result);
  const auto alpha = static_cast<float>(attributes.real("alpha", 1)),
             beta = static_cast<float>(attributes.real("beta", 1));
  return running(
      [=](Inputs in, Outputs out, Scratch scratch) {
        const auto stack = [](const ConstTensorView& v, bool transposed) {
          return Stack{v, {}, {}, v.strides[transposed ? 1 : 0], v.strides[transposed ? 0 : 1]};
        };
        const TensorView c = multiply(p, stack(in[0], ta), stack(in[1], tb), scratch);
        const ConstTensorView factor{reinterpret_cast<const std::byte*>(&alpha), DType::f32, {}, {}, {}};
        if (alpha != 1) combine(c, factor, true);
        if (has_c) combine(c, in[2], false, beta);
        copy(c, with_shape(out[0], p.result));
      },
      p.bytes());
}

constexpr Entry kEntries[] = {
    {"Gemm", make_gemm},
    {"MatMul", make_matmul},
    {"exMatMul", make_ex_matmul},
};

}  // namespace

Family matmul_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
