/// A constant as the left operand of an exMatMul: packed as the weights of 1x1 convolutions, one for every matrix of
/// the batch, which is an image of the right operand.
#include <algorithm>

#include "ez_rknn/error.hpp"
#include "npu/plan/builder.hpp"
#include "npu/plan/constants.hpp"
#include "npu/plan/dpu.hpp"
#include "npu/plan/geometry.hpp"
#include "npu/plan/steps.hpp"
#include "npu/plan/weights.hpp"
#include "npu/regs/normalise.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// The tiles of one image: registers of the first, and what all of them compute.
struct Image {
  std::uint64_t weights;  ///< byte of the tensor where its share begins
  std::uint64_t source;   ///< of the first tile's address in the right operand
  const TaskRegisters* registers;
  Arithmetic arithmetic;
};

std::vector<Image> images_of(const Chip& chip, const file::Graph& graph, const file::Node& node,
                             const std::vector<Pass>& passes, bool real) {
  const AddressRegisters at = address_registers(chip);
  std::vector<Image> images;
  for (const Pass& p : passes) {
    if (p.destination != node.outputs[0]) continue;
    if (p.unit != Unit::convolution || p.weights != node.inputs[0] || p.source != node.inputs[1])
      throw Unsupported("a task that is not the product of its operands");
    for (std::size_t i = 0; i < p.order.size(); ++i) {
      const TaskRegisters& registers = p.tile(i);
      Arithmetic a = normalise(chip, graph, registers, real);
      const std::uint64_t weights = registers.address(at.weights)->addend;
      const auto known =
          std::find_if(images.begin(), images.end(), [&](const Image& g) { return g.weights == weights; });
      if (known == images.end())
        images.push_back({weights, registers.address(at.feature)->addend, &registers, std::move(a)});
      else if (!same_arithmetic(known->arithmetic, a)) throw Unsupported("its tiles do not agree in their arithmetic");
    }
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) { return a.weights < b.weights; });
  return images;
}

}  // namespace

bool Builder::is_constant_product(const file::Node& node) const {
  if (node.type != "exMatMul" || node.inputs.size() < 2 || node.outputs.size() != 1 || node.outputs[0] < 0)
    return false;
  if (node.inputs[0] < 0 || node.inputs[1] < 0) return false;
  const auto& left = tensor(node.inputs[0]);
  return is_constant(left) && !left.native_shape.empty() && left.native_shape.size() % 6 == 0;
}

void Builder::add_constant_product(const file::Node& node, const std::vector<Pass>& passes) {
  if (value(node.inputs[1]).constant) throw Unsupported("a product of two constants");
  Slot& in = as_map(value(node.inputs[1]));
  Slot& out = as_map(result(node.outputs[0]));
  const bool real = is_float(in.dtype);
  const auto input = in.dtype == DType::i8    ? kernels::ConvInput::i8
                     : in.dtype == DType::f16 ? kernels::ConvInput::f16
                                              : throw Unsupported(std::string("elements of type ") + name_of(in.dtype));
  const auto images = images_of(chip_, graph_, node, passes, real);
  const file::Tensor& weights = tensor(node.inputs[0]);
  const auto count = std::size_t(in.images());
  if (images.size() != count || in.images() != out.images() || weights.data.size() % count != 0)
    throw Unsupported(std::to_string(images.size()) + " products for " + std::to_string(in.images()) +
                      " images, their weights " + std::to_string(weights.data.size()) + " bytes");

  struct Part {
    kernels::ConvShape shape;
    file::Tensor weights;
    kernels::DpuLayer tail;
  };
  std::vector<Part> parts;
  std::uint64_t multiplications = 0;
  const std::size_t share = weights.data.size() / count;
  for (std::size_t i = 0; i < count; ++i) {
    const Image& image = images[i];
    if (image.weights != i * share || image.source != i * images[1 % count].source)
      throw Unsupported("products that are not in the order of their images");
    if (image.arithmetic.ew && image.arithmetic.ew->op != ElementWise::Op::none)
      throw Unsupported("a product with a constant that adds a tensor");
    Part& part = parts.emplace_back();
    part.weights = weights;
    part.weights.data = weights.data.subspan(i * share, share);
    const Dims from{in.extent(0), in.extent(1), in.extent(2), in.extent(3)};
    const Dims to{out.extent(0), out.extent(1), out.extent(2), out.extent(3)};
    part.shape = conv_geometry(chip_, node, *image.registers, weights, from, to).shape;
    if (part.shape.depthwise || part.shape.kernel_h != 1 || part.shape.kernel_w != 1)
      throw Unsupported("a product that is not a 1x1 convolution");
    if (!real) part.shape.pad_value = in.quant.zero_point;
    part.tail = resolve(chip_, graph_, image.arithmetic, {}, out.channels(), out.dtype);
    multiplications += part.shape.macs();
  }

  auto step = std::make_unique<ImageConvStep>(node);
  step->in = &in, step->out = &out, step->multiplications = multiplications;
  packing_.push_back({&node, [product = step.get(), parts = std::move(parts), input, real]() mutable {
                        for (Part& p : parts) {
                          const auto& s = p.shape;
                          product->images.push_back(kernels::prepare_conv(
                              s, input, dense_weights(p.weights, s.out_c, s.in_c, 1, 1, 0, real), std::move(p.tail)));
                        }
                      }});
  add(std::move(step), {&in}, {&out});
}

}  // namespace ez_rknn::npu::plan
