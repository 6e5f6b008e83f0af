#include <algorithm>
#include <limits>

#include "ez_rknn/error.hpp"
#include "npu/plan/builder.hpp"
#include "npu/plan/constants.hpp"
#include "npu/plan/dpu.hpp"
#include "npu/plan/geometry.hpp"
#include "npu/plan/lookup.hpp"
#include "npu/plan/steps.hpp"
#include "npu/plan/subsampling.hpp"
#include "npu/plan/weights.hpp"

namespace ez_rknn::npu::plan {
namespace {

kernels::ConvInput conv_input(DType type) {
  switch (type) {
    case DType::i8: return kernels::ConvInput::i8;
    case DType::i16: return kernels::ConvInput::i16;
    case DType::f16: return kernels::ConvInput::f16;
    case DType::bf16: return kernels::ConvInput::bf16;
    case DType::f32: return kernels::ConvInput::f32;
    default: throw Unsupported(std::string("a convolution over elements of type ") + name_of(type));
  }
}

Dims nchw(const Slot& s) { return {s.extent(0), s.extent(1), s.extent(2), s.extent(3)}; }

/// The pass that is the convolution. Others may be barriers between cores (they write to tensors that are not the
/// node's), but a second one into the output would mean partial sums.
const Pass& compute_pass(const file::Node& node, const std::vector<Pass>& passes) {
  const Pass* found = nullptr;
  for (const Pass& p : passes) {
    if (p.destination != node.outputs[0] || p.unit == Unit::dpu) continue;
    if (p.unit == Unit::pool) throw Unsupported("pooling inside a convolution");
    if (found) throw Unsupported("the convolution is split into several passes over partial sums");
    found = &p;
  }
  if (!found) throw Unsupported("no convolution task writes its output");
  return *found;
}

/// Biases of 16-bit networks hold zero point * sum of the weights too. Where that leaves 32 bits the compiler stores
/// the nearest number there is, and the layer's result is lost.
void refuse_saturated_biases(const kernels::DpuLayer& tail) {
  if (!tail.bs || !tail.bs->alu) return;
  const auto& biases = tail.bs->alu_value.values;
  const auto lost = std::count_if(biases.begin(), biases.end(), [](std::int32_t b) {
    return b == std::numeric_limits<std::int32_t>::max() || b == std::numeric_limits<std::int32_t>::min();
  });
  if (lost)
    throw Unsupported(std::to_string(lost) + " of its " + std::to_string(biases.size()) +
                      " biases did not fit into 32 bits when it was compiled: quantise to 8 bits, or give its input a "
                      "range around 0");
}

}  // namespace

const Slot* Builder::resolve_operand(const file::Node& node, const Arithmetic& arithmetic, const Slot& like,
                                     kernels::DpuLayer& layer) {
  if (!layer.ew || layer.ew->op == ElementWise::Op::none || !layer.ew->from_memory) return nullptr;
  if (!arithmetic.operand) throw Unsupported("an element-wise operand without an address");
  const auto index = arithmetic.operand->tensor;
  if (!has_value(index))
    throw Unsupported("the element-wise operand \"" + tensor(index).name + "\" is made by the node itself");
  Slot& operand = value(index);
  const Slot* map = operand.constant ? constant_map(plan_, operand, like) : &as_map(operand);
  const bool pixel = map && map->height() == 1 && map->width() == 1;
  const bool full = map && map->height() == like.height() && map->width() == like.width();
  if (!map || (!pixel && !full) || map->channels() != like.channels() ||
      (map->images() != 1 && map->images() != like.images()))
    throw Unsupported("an element-wise operand of shape " + to_string(operand.shape) + " for " + to_string(like.shape));
  if (size_of(map->dtype) > 4)
    throw Unsupported(std::string("an element-wise operand of type ") + name_of(map->dtype) + " in " + node.type);
  layer.ew->per_channel = !full;
  layer.operand_type = map->dtype;
  return map;
}

const Pass* Builder::rescaling_pass(const std::vector<Pass>& passes, const Pass& first, bool real) const {
  const Pass* found = nullptr;
  for (const Pass& p : passes) {
    if (&p == &first || p.unit != Unit::dpu || p.destination != first.destination) continue;
    if (!real || found || p.source != first.destination)
      throw Unsupported("several element-wise passes over its output");
    found = &p;
  }
  return found;
}

Slot* Builder::before_rescaling(const file::Node& node, const Pass* pass, Slot& out, kernels::DpuLayer& first,
                                std::unique_ptr<Step>& second) {
  if (!pass) return &out;
  const Arithmetic arithmetic = arithmetic_of(chip_, graph_, *pass, true);
  kernels::DpuLayer layer = resolve(chip_, graph_, arithmetic, pass->lut, out.channels(), out.dtype);
  if (const auto scale = pure_scale(layer)) {
    first.out.float_scale *= *scale;
    return &out;
  }
  auto step = std::make_unique<ElementWiseStep>(node);
  step->operand = resolve_operand(node, arithmetic, out, layer);
  Slot& between = invent(out, DType::f32);
  first.out_type = DType::f32;
  step->layer = kernels::prepare_elementwise(DType::f32, std::move(layer));
  step->in = &between, step->out = &out;
  second = std::move(step);
  return &between;
}

void Builder::add_convolution(const file::Node& node, const std::vector<Pass>& passes) {
  if (node.inputs.empty() || node.outputs.size() != 1 || node.outputs[0] < 0)
    throw ModelError(0, "a convolution needs an input and one output");
  if (is_group_sum(node, passes)) return add_group_sum(node, passes);
  const Pass& pass = compute_pass(node, passes);
  if (pass.source != node.inputs[0] || pass.weights < 0)
    throw Unsupported("the convolution does not read the node's first input");
  if (value(node.inputs[0]).constant) throw Unsupported("a convolution over a constant");
  Slot& in = as_map(value(node.inputs[0]));
  Slot& out = as_map(result(node.outputs[0]));
  if (in.images() != out.images())
    throw ModelError(0, "from " + std::to_string(in.images()) + " to " + std::to_string(out.images()) + " images");
  const bool real = is_float(in.dtype);
  const auto input = conv_input(in.dtype);
  file::Tensor weights = weights_of(node, pass, passes);
  if (weights.data.empty())
    throw Unsupported("the file does not hold weights \"" + weights.name + "\"; they must come from another file");

  Arithmetic arithmetic = arithmetic_of(chip_, graph_, pass, real);
  const auto meant = lost_look_up(node, arithmetic, pass.lut);
  if (meant) arithmetic = before_look_up(arithmetic, *meant);
  kernels::DpuLayer tail = resolve(chip_, graph_, arithmetic, pass.lut, out.channels(), meant ? DType::f32 : out.dtype);
  if (in.dtype == DType::i16) refuse_saturated_biases(tail);
  ConvGeometry geometry = conv_geometry(chip_, node, pass.registers, weights, nchw(in), nchw(out));
  if (!real) geometry.shape.pad_value = in.quant.zero_point;

  auto step = std::make_unique<ConvStep>(node);
  step->operand = resolve_operand(node, arithmetic, out, tail);
  std::unique_ptr<Step> second;
  const Slot* second_operand = nullptr;
  Slot* target = &out;
  if (meant) {
    target = &invent(out, DType::f32);
    second = compute_function(node, meant->type, *target, out);
  } else {
    target = before_rescaling(node, rescaling_pass(passes, pass, real), out, tail, second);
    if (second) second_operand = static_cast<ElementWiseStep&>(*second).operand;
  }
  step->in = &in, step->out = target;
  step->shape = geometry.shape;
  step->multiplications = geometry.shape.macs() * std::uint64_t(out.images());

  packing_.push_back(
      {&node, [this, conv = step.get(), geometry, input, real, weights = std::move(weights),
               tail = std::move(tail)]() mutable {
         const auto& s = geometry.shape;
         kernels::ConvWeights plain;
         if (s.depthwise) {
           std::vector<std::int32_t> ow;
           for (int c = 0; tail.ow && c < s.out_c; ++c) ow.push_back(tail.ow[std::size_t(c)]);
           auto w = depthwise_weights(weights, s.out_c, s.kernel_h, s.kernel_w, geometry.pair_unit, std::move(ow));
           plain = std::move(w.weights);
           tail.ow = {std::move(w.ow)};
         } else {
           plain = dense_weights(weights, s.out_c, s.in_c, s.kernel_h, s.kernel_w, geometry.row_pitch, real);
         }
         file::let_go(graph_, weights.data);
         if (conv->every_h > 1 || conv->every_w > 1)
           conv->part = kernels::prepare_conv(subsampled(s, conv->every_h, conv->every_w), input, plain, tail);
         conv->conv = kernels::prepare_conv(s, input, std::move(plain), std::move(tail));
       }});
  const Slot* operand = step->operand;
  add(std::move(step), {&in, operand}, {target});
  if (second) add(std::move(second), {target, second_operand}, {&out});
}

}  // namespace ez_rknn::npu::plan
