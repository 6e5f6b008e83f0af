/// Col2Im: columns of image blocks added up where they overlap.
#include <algorithm>

#include "npu/ops/family.hpp"
#include "npu/ops/indices.hpp"

namespace ez_rknn::npu::ops {
namespace {

struct Axis {
  std::int64_t image = 0, block = 0, stride = 1, dilation = 1, before = 0, after = 0;
  std::int64_t columns() const { return (image + before + after - dilation * (block - 1) - 1) / stride + 1; }
};

std::vector<Axis> axes_of(const Checked& node) {
  const auto image = node.integers(1, "an image's shape"), block = node.integers(2, "a block's shape");
  const std::size_t rank = image.size();
  const auto& attributes = node.attributes();
  const auto list = [&](const char* name, std::size_t size, std::int64_t fallback) {
    auto v = attributes.integers(name);
    if (v.empty()) v.assign(size, fallback);
    if (v.size() != size)
      node.wrong("has " + std::to_string(v.size()) + " " + name + " for " + std::to_string(rank) + " dimensions");
    return v;
  };
  if (rank == 0 || rank > 4 || block.size() != rank)
    node.wrong("has an image of " + std::to_string(rank) + " and blocks of " + std::to_string(block.size()) +
               " dimensions");
  const auto strides = list("strides", rank, 1), dilations = list("dilations", rank, 1),
             pads = list("pads", 2 * rank, 0);
  std::vector<Axis> axes;
  constexpr std::int64_t kMost = 1 << 24;
  for (std::size_t i = 0; i < rank; ++i) {
    const Axis a{image[i], block[i], strides[i], dilations[i], pads[i], pads[rank + i]};
    for (auto v : {a.image, a.block, a.stride, a.dilation})
      if (v < 1 || v > kMost) node.wrong("has a size, stride or dilation of " + std::to_string(v));
    if (a.before < 0 || a.after < 0 || a.before > kMost || a.after > kMost) node.wrong("has a negative pad");
    if (a.dilation * (a.block - 1) + 1 > a.image + a.before + a.after) node.wrong("has blocks larger than the image");
    axes.push_back(a);
  }
  return axes;
}

std::unique_ptr<Operator> make_col2im(const NodeSpec& spec) {
  const Checked node(spec, 3, 3);
  const auto axes = axes_of(node);
  const int rank = static_cast<int>(axes.size());
  const Dims x = node.in(0).shape;
  if (x.rank() != 3) node.wrong("takes " + to_string(x) + " instead of three dimensions");
  std::int64_t block = 1, columns = 1;
  for (const Axis& a : axes) {  // the products stay in bounds because every step is checked
    block *= a.block, columns *= a.columns();
    if (block > x[1] || columns > x[2]) break;
  }
  if (x[1] % block != 0 || x[2] != columns)
    node.wrong("takes " + to_string(x) + " for blocks of " + std::to_string(block) + " elements and " +
               std::to_string(columns) + " columns");
  Dims shape{x[0], x[1] / block};
  for (const Axis& a : axes) shape.push_back(a.image);
  node.expect_output(0, shape);
  const std::int64_t planes = shape[0] * shape[1], pixels = shape.elements() / std::max<std::int64_t>(planes, 1);
  // Walked once here: where in a plane each element of a plane's blocks goes, -1 outside of the image.
  std::vector<std::int32_t> place;
  for (std::int64_t b = 0; b < block; ++b)
    for (std::int64_t c = 0; c < columns; ++c) {
      std::int64_t at = 0, unit = 1, in_block = b, column = c;
      for (int i = rank - 1; i >= 0 && at >= 0; --i) {
        const Axis& a = axes[static_cast<std::size_t>(i)];
        const std::int64_t v = column % a.columns() * a.stride - a.before + in_block % a.block * a.dilation;
        at = v < 0 || v >= a.image ? -1 : at + v * unit;
        unit *= a.image, in_block /= a.block, column /= a.columns();
      }
      place.push_back(static_cast<std::int32_t>(at));
    }
  const std::size_t source_bytes = dense_bytes(x, DType::f32);
  return running(
      [=, place = std::move(place)](Inputs in, Outputs out, Scratch scratch) {
        const TensorView from = dense_like(in[0], DType::f32, {}, scratch);
        const TensorView to{scratch.data() + source_bytes, DType::f32, shape, dense_strides(shape), {}};
        const float* v = from.as<float>();
        auto* sums = to.as<float>();
        std::fill_n(sums, planes * pixels, 0.0f);
        for (std::int64_t plane = 0; plane < planes; ++plane, sums += pixels)
          for (std::int32_t p : place) {
            if (p >= 0) sums[p] += *v;
            ++v;
          }
        copy(to, with_shape(out[0], shape));
      },
      source_bytes + dense_bytes(shape, DType::f32));
}

constexpr Entry kEntries[] = {{"Col2Im", make_col2im}};

}  // namespace

Family col2im_family() { return kEntries; }

}  // namespace ez_rknn::npu::ops
