#include "session/call_check.hpp"

#include <algorithm>

#include "ez_rknn/error.hpp"

namespace ez_rknn {
namespace {

std::string quoted_names(const std::vector<TensorInfo>& tensors) {
  std::string s;
  for (const TensorInfo& t : tensors) s += (s.empty() ? "\"" : ", \"") + t.name + "\"";
  return s;
}

void check_count(const ModelInfo& model, std::size_t given) {
  if (given != model.inputs.size())
    throw InvalidArgument(std::to_string(given) + " inputs given, the model takes " +
                          std::to_string(model.inputs.size()) + ": " + quoted_names(model.inputs));
}

void check_type(const TensorInfo& info, const InputView& in) {
  if (in.type == ElementType::int4 || in.type == ElementType::bfloat16)
    throw InvalidType(
        "input \"" + info.name + "\": element type " + name_of(in.type) +
        " given; accepted: float32, float16, float64, int8, uint8, int16, uint16, int32, uint32, int64, bool");
  if (!in.data && in.shape.elements() != 0) throw InvalidArgument("input \"" + info.name + "\": no data given");
}

[[noreturn]] void refuse_shape(const TensorInfo& info, const Shape& given, const std::string& accepted) {
  throw InvalidArgument("input \"" + info.name + "\": shape " + to_string(given) + " given, " + accepted + " accepted");
}

std::string accepted_shapes(const TensorInfo& info) {
  constexpr std::size_t kMost = 8;
  if (info.dynamic_shapes.empty()) return to_string(info.shape);
  std::string s = "one of ";
  for (std::size_t k = 0; k < std::min(info.dynamic_shapes.size(), kMost); ++k)
    s += (k ? ", " : "") + to_string(info.dynamic_shapes[k]);
  if (info.dynamic_shapes.size() > kMost) s += ", ... (" + std::to_string(info.dynamic_shapes.size()) + " shapes)";
  return s;
}

std::size_t find_shape_set(const ModelInfo& model, std::span<const InputView> inputs) {
  for (std::size_t k = 0; k < model.shape_sets; ++k) {
    bool all = true;
    for (std::size_t i = 0; all && i < inputs.size(); ++i) all = inputs[i].shape == model.inputs[i].dynamic_shapes[k];
    if (all) return k;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& shapes = model.inputs[i].dynamic_shapes;
    if (std::find(shapes.begin(), shapes.end(), inputs[i].shape) == shapes.end())
      refuse_shape(model.inputs[i], inputs[i].shape, accepted_shapes(model.inputs[i]));
  }
  std::string given;
  for (const InputView& in : inputs) given += (given.empty() ? "" : ", ") + to_string(in.shape);
  throw InvalidArgument(
      "the shapes " + given +
      " are each accepted, but not together: entry k of dynamic_shapes of one input goes with entry k of the others");
}

}  // namespace

std::size_t check_inputs(const ModelInfo& model, std::span<const InputView> inputs) {
  check_count(model, inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_type(model.inputs[i], inputs[i]);
    if (!model.shape_sets && inputs[i].shape != model.inputs[i].shape)
      refuse_shape(model.inputs[i], inputs[i].shape, to_string(model.inputs[i].shape));
  }
  return model.shape_sets ? find_shape_set(model, inputs) : 0;
}

std::size_t check_batch(const ModelInfo& model, std::span<const InputView> inputs, std::vector<InputView>& sample) {
  check_count(model, inputs.size());
  sample.assign(inputs.begin(), inputs.end());
  std::size_t samples = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo& info = model.inputs[i];
    if (info.shape.rank() == 0 || info.shape[0] > 1)
      throw InvalidArgument("input \"" + info.name + "\": the model's shape is " + to_string(info.shape) +
                            "; a batch can be dispatched only where axis 0 is 1");
    const Shape& s = inputs[i].shape;
    if (s.rank() != info.shape.rank() || s[0] < 1) {
      std::string accepted = "[batch";
      for (std::size_t d = 1; d < info.shape.rank(); ++d) accepted += ", " + std::to_string(info.shape[d]);
      refuse_shape(info, s, accepted + "]");
    }
    if (s.elements() == INT64_MAX)
      throw InvalidArgument("input \"" + info.name + "\": no memory holds " + to_string(s));
    const auto n = static_cast<std::size_t>(s[0]);
    if (i && n != samples)
      throw InvalidArgument("input \"" + info.name + "\": a batch of " + std::to_string(n) +
                            " given, the first input has " + std::to_string(samples));
    samples = n;
    sample[i].shape[0] = info.shape[0];
  }
  return samples;
}

void check_outputs(const ModelInfo& model, std::span<const int> outputs) {
  for (int i : outputs)
    if (i < 0 || static_cast<std::size_t>(i) >= model.outputs.size())
      throw InvalidArgument("output " + std::to_string(i) + " does not exist; the model has " +
                            std::to_string(model.outputs.size()) + ": " + quoted_names(model.outputs));
}

}  // namespace ez_rknn
