#include <algorithm>

#include "ez_rknn/error.hpp"
#include "npu/plan/builder.hpp"
#include "npu/plan/dpu.hpp"
#include "npu/plan/steps.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// What a family-A task may do besides the DPU's arithmetic; none of it is element-wise. The other families have no
/// known registers for these, there the node's type decides.
void refuse_movers(const Chip& chip, const TaskRegisters& r) {
  if (chip.family != Family::a) return;
  if (r[0x5048] >> 12 & 3) throw Unsupported("an unpooling task (register 0x5048)");
  if (r[0x4034] >> 22 & 7) throw Unsupported("a reducing task (register 0x4034)");
  if (r[0x4050] >> 27 & 1) throw Unsupported("a transposing writer (register 0x4050)");
}

bool same_size(const Slot& a, const Slot& b) {
  return a.images() == b.images() && a.channels() == b.channels() && a.height() == b.height() && a.width() == b.width();
}

bool is_map_type(DType t) { return t == DType::i8 || t == DType::i16 || t == DType::i32 || is_float(t); }

}  // namespace

void Builder::add_elementwise(const file::Node& node, const std::vector<Pass>& passes) {
  if (node.outputs.size() != 1 || node.outputs[0] < 0) throw Unsupported("element-wise tasks with several outputs");
  const Pass* first = nullptr;
  for (const Pass& p : passes) {
    // A barrier between cores writes to a tensor that is none of the node's.
    const bool own = p.destination == node.outputs[0] ||
                     std::find(node.inputs.begin(), node.inputs.end(), p.destination) != node.inputs.end();
    if (!own && p.destination >= 0 && tensor(p.destination).kind == file::Kind::constant) continue;
    if (p.unit != Unit::dpu || p.destination != node.outputs[0]) throw Unsupported("a task that is not element-wise");
    refuse_movers(chip_, p.registers);
    if (!first) first = &p;
  }
  if (!first) throw Unsupported("no element-wise task writes its output");
  if (std::find(node.inputs.begin(), node.inputs.end(), first->source) == node.inputs.end() ||
      !has_value(first->source))
    throw Unsupported("its first pass does not read an input of the node");
  Slot& in = value(first->source);
  if (in.constant) throw Unsupported("its first pass reads a constant");
  if (!is_map_type(in.dtype)) throw Unsupported(std::string("elements of type ") + name_of(in.dtype));
  Slot& out = result(node.outputs[0]);
  if (in.shape.rank() > 4 || out.shape.rank() > 4) throw Unsupported("tensors of more than four dimensions");
  if (!same_size(in, out))
    throw Unsupported("an element-wise pass from " + to_string(in.shape) + " to " + to_string(out.shape));
  const bool real = is_float(in.dtype);
  const Arithmetic arithmetic = arithmetic_of(chip_, graph_, *first, real);
  // Subtracting is adding with a negative scale; RK3566's files of bfloat16 networks lack the scale.
  if (node.type.starts_with("Sub") && real && arithmetic.ew && arithmetic.ew->op == ElementWise::Op::add &&
      arithmetic.ew->scale_real > 0)
    throw Unsupported("a subtraction whose registers add");
  kernels::DpuLayer layer = resolve(chip_, graph_, arithmetic, first->lut, out.channels(), out.dtype);
  layer.ow = {};
  auto step = std::make_unique<ElementWiseStep>(node);
  step->operand = resolve_operand(node, arithmetic, out, layer);
  std::unique_ptr<Step> second;
  const Slot* target = before_rescaling(node, rescaling_pass(passes, *first, real), out, layer, second);
  step->layer = kernels::prepare_elementwise(in.dtype, std::move(layer));
  step->in = &as_map(in), step->out = target;
  as_map(out);
  const Slot* operand = step->operand;
  add(std::move(step), {&in, operand}, {target});
  if (second) {
    const Slot* other = static_cast<ElementWiseStep&>(*second).operand;
    add(std::move(second), {target, other}, {&out});
  }
}

}  // namespace ez_rknn::npu::plan
