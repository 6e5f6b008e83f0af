/// int4 weights with a scale a group of input channels (w4a16 with group32, 64, 128): a 1x1 convolution for each group,
/// whose BN stage multiplies with that group's scales; all but the first add what is in the output already, which is
/// rounded to the output's type every time.
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

/// The tiles of one group: registers of the first, and what all of them compute.
struct Group {
  Address scales;
  const TaskRegisters* registers;
  Arithmetic arithmetic;
};

/// The groups in the order of their tasks.
std::vector<Group> groups_of(const Chip& chip, const file::Graph& graph, const file::Node& node,
                             const std::vector<Pass>& passes) {
  std::vector<std::pair<std::uint32_t, const TaskRegisters*>> tiles;
  for (const Pass& p : passes) {
    if (p.unit != Unit::convolution || p.destination != node.outputs[0]) continue;
    if (p.source != node.inputs[0]) throw Unsupported("a group of input channels that is not of the node's input");
    for (std::size_t i = 0; i < p.order.size(); ++i) tiles.emplace_back(p.order[i], &p.tile(i));
  }
  std::sort(tiles.begin(), tiles.end());
  std::vector<Group> groups;
  for (const auto& [order, registers] : tiles) {
    Arithmetic a = normalise(chip, graph, *registers, true);
    if (!a.bn_table) throw Unsupported("a group of input channels without scales");
    const Address scales = a.bn_table->address;
    const auto known = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
      return g.scales.tensor == scales.tensor && g.scales.addend == scales.addend;
    });
    if (known == groups.end()) groups.push_back({scales, registers, std::move(a)});
    else if (!same_arithmetic(known->arithmetic, a)) throw Unsupported("its tiles do not agree in their arithmetic");
  }
  return groups;
}

/// Nothing but "the output so far" may be added, and only from the second group on.
void check_sum(const Arithmetic& a, std::int32_t out, bool first) {
  const bool adds = a.ew && a.ew->op != ElementWise::Op::none;
  if (first != !adds)
    throw Unsupported(first ? "its first group adds a tensor" : "a group that does not add to the sum");
  if (first) return;
  if (a.ew->op != ElementWise::Op::add || !a.ew->from_memory || a.ew->per_channel || !a.operand ||
      a.operand->tensor != out)
    throw Unsupported("a group that does not add to the output");
}

}  // namespace

bool Builder::is_group_sum(const file::Node& node, const std::vector<Pass>& passes) const {
  if (!node.type.starts_with("Conv") || node.type.starts_with("ConvTranspose") || node.inputs[0] < 0) return false;
  const auto pass = std::find_if(passes.begin(), passes.end(), [&](const Pass& p) {
    return p.unit == Unit::convolution && p.destination == node.outputs[0] && p.weights >= 0;
  });
  if (pass == passes.end()) return false;
  const auto& weights = tensor(pass->weights);
  const auto& in = tensor(node.inputs[0]);
  return weights.dtype == DType::i4 && weights.shape.rank() == 4 && in.shape.rank() == 4 &&
         weights.shape[1] < in.shape[1];
}

void Builder::add_group_sum(const file::Node& node, const std::vector<Pass>& passes) {
  if (value(node.inputs[0]).constant) throw Unsupported("a convolution over a constant");
  Slot& in = as_map(value(node.inputs[0]));
  Slot& out = as_map(result(node.outputs[0]));
  if (in.dtype != DType::f16 && in.dtype != DType::bf16)
    throw Unsupported(std::string("4-bit weights over elements of type ") + name_of(in.dtype));
  const auto groups = groups_of(chip_, graph_, node, passes);
  const auto& weights = tensor(groups.front().registers->address(address_registers(chip_).weights)->tensor);
  const auto channels = weights.shape[1];
  const auto count = std::size_t((in.channels() + channels - 1) / channels);
  if (groups.size() != count || channels % kernels::kChannelAlign != 0 || weights.data.size() % count != 0)
    throw Unsupported(std::to_string(groups.size()) + " groups of " + std::to_string(channels) + " channels over " +
                      std::to_string(in.channels()) + ", their weights " + std::to_string(weights.data.size()) +
                      " bytes");

  struct Part {
    kernels::ConvShape shape;
    file::Tensor weights;  ///< that group's share of the bytes
    kernels::DpuLayer tail;
  };
  std::vector<Part> parts;
  std::uint64_t multiplications = 0;
  const std::size_t share = weights.data.size() / count;
  for (std::size_t g = 0; g < count; ++g) {
    check_sum(groups[g].arithmetic, node.outputs[0], g == 0);
    Part& part = parts.emplace_back();
    part.weights = weights;
    part.weights.data = weights.data.subspan(g * share, share);
    const auto first = std::int64_t(g) * channels;
    const Dims from{in.extent(0), std::min(channels, in.channels() - first), in.extent(2), in.extent(3)};
    const Dims to{out.extent(0), out.extent(1), out.extent(2), out.extent(3)};
    part.shape = conv_geometry(chip_, node, *groups[g].registers, weights, from, to).shape;
    if (part.shape.depthwise || part.shape.kernel_h != 1 || part.shape.kernel_w != 1)
      throw Unsupported("a scale for groups of input channels in other than a 1x1 convolution");
    part.tail = resolve(chip_, graph_, groups[g].arithmetic, {}, out.channels(), out.dtype);
    part.tail.operand_type = out.dtype;
    multiplications += part.shape.macs() * std::uint64_t(out.images());
  }

  auto step = std::make_unique<GroupSumStep>(node);
  step->in = &in, step->out = &out, step->channels = int(channels), step->multiplications = multiplications;
  const auto input = in.dtype == DType::f16 ? kernels::ConvInput::f16 : kernels::ConvInput::bf16;
  packing_.push_back({&node, [this, sum = step.get(), parts = std::move(parts), input]() mutable {
                        for (Part& p : parts) {
                          const auto& s = p.shape;
                          sum->groups.push_back(kernels::prepare_conv(
                              s, input, dense_weights(p.weights, s.out_c, s.in_c, 1, 1, 0), std::move(p.tail)));
                          file::let_go(graph_, p.weights.data);
                        }
                      }});
  add(std::move(step), {&in, &out}, {&out});
}

}  // namespace ez_rknn::npu::plan
