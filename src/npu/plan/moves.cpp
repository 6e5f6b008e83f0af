#include "npu/plan/moves.hpp"

#include <algorithm>
#include <set>

#include "npu/plan/steps.hpp"

namespace ez_rknn::npu::plan {
namespace {

bool same_numbers(const Slot& a, const Slot& b) { return a.dtype == b.dtype && a.quant == b.quant; }

class Mover {
 public:
  Mover(GraphPlan& plan, const std::vector<Use>& uses)
      : plan_(plan), writers_(plan.slots.size()), placed_(plan.slots.size()) {
    for (const Use& use : uses)
      for (const Slot* s : use.writes)
        if (s->tensor >= 0) ++writers_[std::size_t(s->tensor)];
    for (const Slot* s : plan.inputs) inputs_.insert(s->storage);
  }

  /// @returns true when the step is not needed any more
  bool try_concat(const OpStep& step);  ///< whose operator leaves alone what is in its place where others are not
  bool try_view(const OpStep& step);
  bool try_split(const OpStep& step);

 private:
  /// An activation made by one step.
  Slot* activation(const Slot* s) const {
    if (!s || s->tensor < 0 || s->constant || s->storage < 0 || writers_[std::size_t(s->tensor)] != 1) return nullptr;
    return &plan_.slots[std::size_t(s->tensor)];
  }
  /// And that still has a place of its own, to be exchanged for another.
  Slot* movable(const Slot* s) const {
    Slot* own = activation(s);
    return own && !placed_[std::size_t(own->tensor)] ? own : nullptr;
  }
  bool external(const Slot& s) const { return plan_.storages[std::size_t(s.storage)].external; }
  /// Whether `out` can be shown from `in`'s storage as an output of the graph.
  bool may_show(const Slot& in, const Slot& out, const Dims& strides) const;
  /// A channel range [start, start + count) of `total` that kernels can read and write as a map of its own.
  static bool whole_groups(std::int64_t start, std::int64_t count, std::int64_t total) {
    return start % kernels::kChannelAlign == 0 && (count % kernels::kChannelAlign == 0 || start + count == total);
  }
  void show(Slot& part, const Slot& whole, std::size_t offset, const Dims& strides);

  GraphPlan& plan_;
  std::vector<int> writers_;  ///< by tensor
  std::vector<bool> placed_;  ///< by tensor: it is part of another already
  std::set<int> inputs_;      ///< storages of the graph's inputs
};

int axis_of(const file::Node& node, int rank) {
  const auto axis = node.attributes.integer("axis", 0);
  return axis < -rank || axis >= rank ? -1 : static_cast<int>(axis < 0 ? axis + rank : axis);
}

bool Mover::may_show(const Slot& in, const Slot& out, const Dims& strides) const {
  if (!external(out)) return true;
  // What the user writes into an input next must not change an output still to be read.
  if (inputs_.contains(in.storage)) return false;
  // The samples of a batch follow each other by the storage's size: one stride has to reach from image to image.
  const auto images = out.shape.rank() > 0 ? out.shape[0] : 1;
  return images == 1 ||
         std::size_t(strides[0] * images) * size_of(out.dtype) == plan_.storages[std::size_t(in.storage)].bytes;
}

void Mover::show(Slot& part, const Slot& whole, std::size_t offset, const Dims& strides) {
  if (external(part)) plan_.storages[std::size_t(whole.storage)].external = true;
  part.storage = whole.storage, part.offset = whole.offset + offset, part.strides = strides;
  placed_[std::size_t(part.tensor)] = true;
  part.pixel = whole.pixel, part.row = whole.row, part.image_pitch = whole.image_pitch;
}

bool Mover::try_concat(const OpStep& step) {
  if (step.node.type != "Concat" || step.operands.out.size() != 1) return false;
  const Slot* out = activation(step.operands.out[0]);
  if (!out) return false;
  const int axis = axis_of(step.node, out->shape.rank());
  if (axis < 0) return false;
  std::vector<std::int64_t> starts;
  std::int64_t start = 0;
  for (const Slot* s : step.operands.in) {
    if (!s || s->shape.rank() != out->shape.rank()) return false;
    for (int d = 0; d < axis; ++d)
      if (s->shape[d] != out->shape[d]) return false;
    starts.push_back(start);
    start += s->shape[axis];
  }
  if (start != out->shape[axis]) return false;
  bool all = true;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    Slot* in = movable(step.operands.in[i]);
    const bool fits = in && !external(*in) && same_numbers(*in, *out) && in->map == out->map &&
                      (!in->map || axis != 1 || whole_groups(starts[i], in->shape[axis], out->shape[axis]));
    all = all && fits;
    if (!fits) continue;
    show(*in, *out, std::size_t(starts[i] * out->strides[axis]) * size_of(out->dtype), out->strides);
    in->read_as_map = in->read_as_map || out->read_as_map;  // who writes it makes the output's padding
  }
  return all;
}

bool Mover::try_view(const OpStep& step) {
  static constexpr std::string_view kReshapes[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
  const bool transpose = step.node.type == "Transpose";
  if (!transpose && std::find(std::begin(kReshapes), std::end(kReshapes), step.node.type) == std::end(kReshapes))
    return false;
  if (step.operands.in.empty() || step.operands.out.size() != 1) return false;
  const Slot* in = step.operands.in[0];
  Slot* out = movable(step.operands.out[0]);
  if (!in || in->constant || in->storage < 0 || !out || in == out || out->read_as_map || !same_numbers(*in, *out))
    return false;
  std::optional<Dims> strides;
  if (transpose) {
    std::vector<std::int64_t> reversed;
    for (int d = in->shape.rank() - 1; d >= 0; --d) reversed.push_back(d);
    const auto perm = step.node.attributes.integers("perm", std::move(reversed));
    if (int(perm.size()) != in->shape.rank() || in->shape.rank() != out->shape.rank()) return false;
    strides.emplace();
    for (int d = 0; d < out->shape.rank(); ++d) {
      const auto from = perm[std::size_t(d)];
      if (from < 0 || from >= in->shape.rank() || in->shape[int(from)] != out->shape[d]) return false;
      strides->push_back(in->strides[int(from)]);
    }
  } else {
    strides = reshaped_strides(in->shape, in->strides, out->shape);
  }
  if (!strides || !may_show(*in, *out, *strides)) return false;
  show(*out, *in, 0, *strides);
  out->map = false;
  return true;
}

bool Mover::try_split(const OpStep& step) {
  if (step.node.type != "Split" || step.operands.in.empty()) return false;
  const Slot* in = step.operands.in[0];
  if (!in || in->constant || in->storage < 0) return false;
  const int axis = axis_of(step.node, in->shape.rank());
  if (axis < 0) return false;
  std::int64_t start = 0;
  bool as_map = false;
  for (const Slot* s : step.operands.out) {
    const Slot* out = movable(s);
    if (!out || out == in || !same_numbers(*in, *out) || out->shape.rank() != in->shape.rank() ||
        !may_show(*in, *out, in->strides))
      return false;
    const auto count = out->shape[axis];
    if (out->read_as_map && (!in->map || (axis == 1 && !whole_groups(start, count, in->shape[1])))) return false;
    as_map = as_map || out->read_as_map;
    start += count;
  }
  if (start != in->shape[axis]) return false;
  start = 0;
  for (const Slot* s : step.operands.out) {
    Slot& out = plan_.slots[std::size_t(s->tensor)];
    show(out, *in, std::size_t(start * in->strides[axis]) * size_of(in->dtype), in->strides);
    out.map = out.read_as_map;
    start += out.shape[axis];
  }
  if (as_map && in->tensor >= 0) plan_.slots[std::size_t(in->tensor)].read_as_map = true;
  return true;
}

}  // namespace

std::optional<Dims> reshaped_strides(const Dims& shape, const Dims& strides, const Dims& to) {
  if (shape.elements() != to.elements()) return std::nullopt;
  std::vector<std::int64_t> size, step;  // of the dimensions that are not 1
  for (int d = 0; d < shape.rank(); ++d)
    if (shape[d] != 1) size.push_back(shape[d]), step.push_back(strides[d]);
  Dims result = to;
  std::fill(result.begin(), result.end(), 1);
  // Groups of dimensions with equal products, from the outside in; the old ones must lie without gaps.
  int n = 0;
  for (std::size_t o = 0; o < size.size();) {
    std::int64_t have = size[o], want = to[n];
    std::size_t o_end = o + 1;
    int n_end = n + 1;
    while (have != want) {
      if (want < have) want *= to[n_end++];
      else have *= size[o_end++];
    }
    for (std::size_t k = o; k + 1 < o_end; ++k)
      if (step[k] != step[k + 1] * size[k + 1]) return std::nullopt;
    result[n_end - 1] = step[o_end - 1];
    for (int k = n_end - 1; k > n; --k) result[k - 1] = result[k] * to[k];
    o = o_end, n = n_end;
  }
  return result;
}

void unpad_maps(GraphPlan& plan) {
  std::vector<int> users(plan.storages.size());
  for (const Slot& slot : plan.slots)
    if (slot.storage >= 0) ++users[std::size_t(slot.storage)];
  for (Slot& slot : plan.slots) {
    if (slot.storage < 0 || !slot.map || slot.read_as_map || users[std::size_t(slot.storage)] != 1) continue;
    if (kernels::padded_channels(slot.channels()) < 2 * slot.channels()) continue;
    slot.map = false;
    lay_out(slot);
    plan.storages[std::size_t(slot.storage)].bytes = slot.bytes;
  }
}

void drop_moves(GraphPlan& plan, std::vector<Use>& uses) {
  Mover mover(plan, uses);
  std::vector<bool> gone(plan.steps.size());
  const auto op = [&](std::size_t i) { return dynamic_cast<const OpStep*>(plan.steps[i].get()); };
  // From the end, so that a Concat inside a Concat finds its output's final place; and before the views, which follow
  // their input wherever it has gone.
  for (std::size_t i = plan.steps.size(); i-- > 0;)
    if (op(i)) gone[i] = mover.try_concat(*op(i));
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (!gone[i] && op(i)) gone[i] = mover.try_view(*op(i)) || mover.try_split(*op(i));
  std::size_t kept = 0;
  plan.results.assign(1, plan.inputs);
  for (std::size_t i = 0; i < gone.size(); ++i) {
    if (!gone[i]) plan.results.emplace_back();
    for (const Slot* s : uses[i].writes)
      if (s->tensor >= 0) plan.results.back().push_back(s);
    if (gone[i]) continue;
    if (kept != i) plan.steps[kept] = std::move(plan.steps[i]), uses[kept] = std::move(uses[i]);
    ++kept;
  }
  plan.steps.resize(kept);
  uses.resize(kept);
}

}  // namespace ez_rknn::npu::plan
