#include "npu/plan/steps.hpp"

#include <algorithm>
#include <cstring>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::plan {

namespace {

using Convs = std::vector<std::unique_ptr<kernels::Conv>>;

std::size_t most_scratch(const Convs& convs, int workers) {
  std::size_t most = 0;
  for (const auto& conv : convs) most = std::max(most, conv->scratch_bytes(workers));
  return most;
}

std::uint64_t all_work(const Convs& convs) {
  std::uint64_t sum = 0;
  for (const auto& conv : convs) sum += conv->work();
  return sum;
}

std::size_t all_packed(const Convs& convs) {
  std::size_t sum = 0;
  for (const auto& conv : convs) sum += conv->packed_bytes();
  return sum;
}

}  // namespace

void ConvStep::run(const RunState& s) const {
  for (int i = 0; i < out->images(); ++i) {
    const kernels::Map all = out->writable_image(s.bases, i);
    if (part && !s.observed)
      part->run(in->image(s.bases, i), {}, {all.data, all.pixel * every_w, all.row * every_h}, s.team, s.scratch);
    else
      conv->run(in->image(s.bases, i), operand ? operand->image(s.bases, i) : kernels::ConstMap{}, all, s.team,
                s.scratch);
  }
}
std::size_t ConvStep::scratch_bytes(int workers) const {
  return std::max(conv->scratch_bytes(workers), part ? part->scratch_bytes(workers) : 0);
}

std::uint64_t ConvStep::work() const { return std::uint64_t(out->images()) * (part ? part : conv)->work(); }

void GroupSumStep::run(const RunState& s) const {
  for (int i = 0; i < out->images(); ++i) {
    kernels::ConstMap source = in->image(s.bases, i), sums;
    const kernels::Map target = out->writable_image(s.bases, i);
    for (const auto& group : groups) {
      group->run(source, sums, target, s.team, s.scratch);
      source.data += std::ptrdiff_t(size_of(in->dtype)) * channels;
      sums = {target.data, target.pixel, target.row};
    }
  }
}

std::size_t GroupSumStep::scratch_bytes(int workers) const { return most_scratch(groups, workers); }
std::uint64_t GroupSumStep::work() const { return std::uint64_t(out->images()) * all_work(groups); }
std::size_t GroupSumStep::packed_bytes() const { return all_packed(groups); }

void ImageConvStep::run(const RunState& s) const {
  for (int i = 0; i < out->images(); ++i)
    images[std::size_t(i)]->run(in->image(s.bases, i), {}, out->writable_image(s.bases, i), s.team, s.scratch);
}
std::size_t ImageConvStep::scratch_bytes(int workers) const { return most_scratch(images, workers); }
std::uint64_t ImageConvStep::work() const { return all_work(images); }
std::size_t ImageConvStep::packed_bytes() const { return all_packed(images); }

void ElementWiseStep::run(const RunState& s) const {
  for (int i = 0; i < out->images(); ++i)
    layer->run(in->image(s.bases, i), operand ? operand->image(s.bases, i) : kernels::ConstMap{},
               out->writable_image(s.bases, i), out->height(), out->width(), s.team);
}

void PoolStep::run(const RunState& s) const {
  for (int i = 0; i < out->images(); ++i) pool->run(in->image(s.bases, i), out->writable_image(s.bases, i), s.team);
}

std::vector<ConstTensorView> Operands::inputs(Bases bases) const {
  std::vector<ConstTensorView> views(in.size());
  for (std::size_t i = 0; i < in.size(); ++i)
    if (in[i]) views[i] = in[i]->view(bases);
  return views;
}

std::vector<TensorView> Operands::outputs(Bases bases) const {
  std::vector<TensorView> views(out.size());
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i]) views[i] = out[i]->writable(bases);
  return views;
}

void Operands::clear_padding(Bases bases) const {
  for (const Slot* slot : out) {
    if (!slot || !slot->map || !slot->read_as_map) continue;
    const auto used = std::ptrdiff_t(size_of(slot->dtype)) * slot->channels(), left = slot->pixel_bytes() - used;
    if (left == 0) continue;
    for (int i = 0; i < slot->images(); ++i) {
      const auto map = slot->writable_image(bases, i);
      for (int y = 0; y < slot->height(); ++y)
        for (int x = 0; x < slot->width(); ++x)
          std::memset(map.data + y * map.row + x * map.pixel + used, 0, std::size_t(left));
    }
  }
}

void OpStep::run(const RunState& s) const {
  const auto in = operands.inputs(s.bases);
  const auto out = operands.outputs(s.bases);
  op->run(in, out, s.scratch);
  operands.clear_padding(s.bases);
}

void CustomStep::run(const RunState& s) const {
  const auto it = s.custom.find(node.type);
  if (it == s.custom.end())
    throw Unsupported("custom operator \"" + node.type + "\" (node \"" + node.name +
                      "\") is not registered with this context");
  const auto in = operands.inputs(s.bases);
  const auto out = operands.outputs(s.bases);
  const int code = it->second(node, in, out);
  if (code < 0)
    throw DeviceError(code, "custom operator \"" + node.type + "\" (node \"" + node.name + "\") failed with code " +
                                std::to_string(code));
  operands.clear_padding(s.bases);
}

}  // namespace ez_rknn::npu::plan
