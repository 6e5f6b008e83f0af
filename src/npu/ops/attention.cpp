/// exSDPAttention: two products around a Softmax. Queries are the columns of a tile of gemm(), so the scores of some of
/// them are, once weighed, the second product's right operand as they lie.
#include "npu/ops/check.hpp"
#include "npu/ops/elementwise.hpp"
#include "npu/ops/family.hpp"
#include "npu/ops/gemm.hpp"

namespace ez_rknn::npu::ops {
namespace {

/// softmax(scale * q^T k + mask) v for each head, q [heads, d, 1, T]; mask [heads, keys, 1, T], broadcast.
struct Attention {
  std::int64_t heads = 0, depth = 0, value_depth = 0, queries = 0, keys = 0;
  float scale = 1;
  bool masked = false;
  std::optional<Steps> scores, weights;  ///< what int8 rounds to in between

  /// A head's keys and values, and what some queries need, in this order.
  struct Parts {
    float *keys, *values, *queries, *weights, *results;
  };
  std::size_t key_bytes() const { return panels_bytes(keys, depth, gemm_tile_in_use().rows); }
  std::size_t value_bytes() const { return panels_bytes(value_depth, keys, gemm_tile_in_use().rows); }
  std::size_t query_bytes() const { return panels_bytes(1, depth, gemm_tile_in_use().columns); }
  static std::size_t product_bytes(std::int64_t lines) {
    const GemmTile& t = gemm_tile_in_use();
    return panels_bytes(1, (lines + t.rows - 1) / t.rows * t.rows, t.columns);
  }
  std::size_t bytes() const {
    return key_bytes() + value_bytes() + query_bytes() + product_bytes(keys) + product_bytes(value_depth);
  }
  Parts parts(Scratch scratch) const {
    const auto next = [&](std::size_t n) {
      auto* p = reinterpret_cast<float*>(scratch.data());
      scratch = scratch.subspan(n);
      return p;
    };
    Parts p{};
    p.keys = next(key_bytes()), p.values = next(value_bytes()), p.queries = next(query_bytes());
    p.weights = next(product_bytes(keys)), p.results = next(product_bytes(value_depth));
    return p;
  }

  /// The scaled scores [key][query] of head h and the queries from `first` on, plus the mask.
  void add_mask(const ConstTensorView& mask, std::int64_t h, std::int64_t first, std::int64_t n, float* x) const {
    const auto stride = [&](int i) { return mask.shape[i] == 1 ? 0 : mask.strides[i]; };
    const std::int64_t columns = gemm_tile_in_use().columns;
    for (std::int64_t i = 0; i < keys * columns; ++i) x[i] *= scale;
    const Dims shape{keys, n};
    ConstTensorView rows = shifted(mask, h * stride(0) + first * stride(3));
    rows.shape = shape, rows.strides = {stride(1), stride(3)};
    const TensorView to{reinterpret_cast<std::byte*>(x), DType::f32, shape, {columns, 1}, {}};
    compute_rows<float, 2>({to, rows}, to, [](const float* const(&in)[2], float* y, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) y[i] = in[0][i] + in[1][i];
    });
  }

  void operator()(Inputs in, Outputs out, Scratch scratch) const {
    const ConstTensorView &q = in[0], &k = in[1], &v = in[2];
    const TensorView to = with_shape(out[0], {heads, value_depth, 1, queries});
    const GemmTile& tile = gemm_tile_in_use();
    const Parts p = parts(scratch);
    const Weighing weighing{masked ? 1 : scale, scores ? &*scores : nullptr, weights ? &*weights : nullptr};
    const ConstTensorView results{reinterpret_cast<const std::byte*>(p.results), DType::f32, {}, {}, {}};
    for (std::int64_t h = 0; h < heads; ++h) {
      pack_panels(shifted(k, h * k.strides[0]), keys, k.strides[3], depth, k.strides[1], tile.rows, p.keys);
      pack_panels(shifted(v, h * v.strides[0]), value_depth, v.strides[1], keys, v.strides[3], tile.rows, p.values);
      for (std::int64_t first = 0; first < queries; first += tile.columns) {
        const std::int64_t n = std::min(tile.columns, queries - first);
        pack_panels(shifted(q, h * q.strides[0] + first * q.strides[3]), n, q.strides[3], depth, q.strides[1],
                    tile.columns, p.queries);
        for (std::int64_t i = 0; i < keys; i += tile.rows)
          tile.run(p.keys + i * depth, p.queries, depth, p.weights + i * tile.columns);
        if (masked) add_mask(in[3], h, first, n, p.weights);
        tile.weigh(p.weights, keys, weighing);
        for (std::int64_t i = 0; i < value_depth; i += tile.rows)
          tile.run(p.values + i * keys, p.weights, keys, p.results + i * tile.columns);
        Nest<2> nest;
        nest.add(n, {1, to.strides[3]});
        nest.add(value_depth, {tile.columns, to.strides[1]});
        copy(results, shifted(to, h * to.strides[0] + first * to.strides[3]), nest);
      }
    }
  }
};

/// The file says how its int8 products are re-scaled, and so what one step of the scores and of the weights is. Weights
/// are 0..1: registers count them in 127 steps of either sign, the simulator in 255 half steps up to the same end,
/// which is followed here.
void set_steps(Attention& op, const Checked& node) {
  if (!node.spec().registers || !node.spec().registers->attention) return;
  const auto& a = *node.spec().registers->attention;
  const double score = double(node.in(0).quant.scale) * node.in(1).quant.scale * op.scale / a.score_factor;
  const double weight = a.result_factor * node.out().quant.scale / node.in(2).quant.scale;
  for (double step : {score, weight})
    if (!(step > 1e-12 && step < 1e12)) node.wrong("re-scales its products to steps of " + std::to_string(step));
  op.scores = Steps{float(score), -128.0f - float(a.score_offset), 127.0f - float(a.score_offset)};
  if (op.scores->least < -Steps::kMost || op.scores->most > Steps::kMost)
    node.wrong("adds " + std::to_string(a.score_offset) + " to its scores");
  op.weights = Steps{float(weight / 2), 0, 255};
}

std::unique_ptr<Operator> make_attention(const NodeSpec& spec) {
  const Checked node(spec, 3, 4);
  const Dims q = node.in(0).shape, k = node.in(1).shape, v = node.in(2).shape;
  for (const Dims* d : {&q, &k, &v})
    if (d->rank() != 4 || (*d)[2] != 1 || (*d)[0] != q[0])
      node.wrong("has operands of shapes " + to_string(q) + ", " + to_string(k) + ", " + to_string(v));
  if (q[1] != k[1] || k[3] != v[3] || (k[3] == 0 && q.elements() > 0))
    node.wrong("has operands of shapes " + to_string(q) + ", " + to_string(k) + ", " + to_string(v));
  Attention op{};
  op.heads = q[0], op.depth = q[1], op.value_depth = v[1], op.queries = q[3], op.keys = k[3];
  op.masked = node.has_input(3);
  if (op.masked && node.in(3).rank() != 4) node.wrong("has a mask of shape " + to_string(node.in(3).shape));
  if (op.masked) node.expect_broadcast(3, {op.heads, op.keys, 1, op.queries});
  const auto* registers = spec.registers;
  op.scale =
      float(node.attributes().real("scale", registers && registers->attention ? registers->attention->scale : 1));
  set_steps(op, node);
  node.expect_output(0, {op.heads, op.value_depth, 1, op.queries});
  const auto bytes = op.bytes();
  return running(std::move(op), bytes);
}

constexpr Entry kEntries[] = {{"exSDPAttention", make_attention}};

}  // namespace

Family attention_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
