#pragma once
/// Memory to run a plan in, every storage apart, so that all tensors can be looked at afterwards.
#include <algorithm>
#include <random>

#include "npu/kernels/element.hpp"
#include "npu/plan/plan.hpp"

namespace ez_rknn::npu::plan {

class PlanMemory {
 public:
  explicit PlanMemory(const GraphPlan& plan) : plan_(plan) {
    std::size_t scratch = 0;
    for (const auto& s : plan.storages) bases_.push_back(block(s.bytes));
    for (const auto& step : plan.steps) scratch = std::max(scratch, step->scratch_bytes(1));
    scratch_ = {block(scratch), scratch};
  }

  void run(const Step& step) {
    const CustomCalls none;
    step.run({bases_, team_, scratch_, none, true});
  }
  Bases bases() const { return bases_; }

  /// Stored numbers in row-major logical order.
  std::vector<double> values(std::int32_t tensor) const {
    std::vector<double> result;
    each(tensor, [&](std::byte* p, DType t) {
      result.push_back(t == DType::i64       ? static_cast<double>(kernels::load_as<std::int64_t>(p))
                       : t == DType::boolean ? static_cast<double>(std::to_integer<int>(*p))
                                             : static_cast<double>(kernels::load_real(p, t)));
    });
    return result;
  }

  /// Inputs of the whole range of their type: integers uniformly, reals in [-4, 4].
  void randomise_inputs(unsigned seed) {
    std::mt19937 random(seed);
    for (const Slot* slot : plan_.inputs)
      each(slot->tensor, [&](std::byte* p, DType t) {
        if (is_float(t)) kernels::store_real(p, t, double(random() % 8192) / 1024 - 4);
        else if (t == DType::i8 || t == DType::i16) kernels::store_integer(p, t, std::int16_t(random()));
      });
  }

 private:
  std::byte* block(std::size_t bytes) {
    auto& b = memory_.emplace_back(bytes + 2 * kAlign);
    const auto address = reinterpret_cast<std::uintptr_t>(b.data());
    return b.data() + (align_up(address) - address);
  }

  template <class F>
  void each(std::int32_t tensor, F&& f) const {
    const Slot& slot = plan_.slots[std::size_t(tensor)];
    auto* base = const_cast<std::byte*>(slot.read(bases_));
    Dims index = slot.shape;
    std::fill(index.begin(), index.end(), 0);
    for (std::int64_t i = 0; i < slot.shape.elements(); ++i) {
      std::int64_t at = 0;
      for (int d = 0; d < slot.shape.rank(); ++d) at += index[d] * slot.strides[d];
      f(base + at * std::int64_t(size_of(slot.dtype)), slot.dtype);
      for (int d = slot.shape.rank() - 1; d >= 0 && ++index[d] == slot.shape[d]; --d) index[d] = 0;
    }
  }

  const GraphPlan& plan_;
  std::deque<std::vector<std::byte>> memory_;
  std::vector<std::byte*> bases_;
  std::span<std::byte> scratch_;
  Team team_{1};
};

}  // namespace ez_rknn::npu::plan
