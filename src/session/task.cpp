#include "session/task.hpp"

#include <cstring>
#include <utility>

namespace ez_rknn {

void Task::borrow(std::span<const InputView> in, std::span<const int> out, std::size_t result_count) {
  own_inputs_.assign(in.begin(), in.end());
  own_outputs_.assign(out.begin(), out.end());
  own_results_.assign(result_count, {});
  inputs = own_inputs_;
  outputs = own_outputs_;
  results = own_results_;
  borrowed_ = true;
}

void Task::hold(std::span<const InputView> in, std::span<const int> out, std::size_t result_count,
                BufferPool& buffers) {
  borrow(in, out, result_count);
  constexpr std::size_t kSmall = 128, kAlignment = 64;
  for (InputView& input : own_inputs_) {
    const auto bytes = static_cast<std::size_t>(input.shape.elements()) * size_of(input.type);
    void* own =
        bytes <= kSmall ? memory_.allocate(bytes, kAlignment) : input_data_.emplace_back(buffers.take(bytes)).data();
    if (bytes) std::memcpy(own, input.data, bytes);
    input.data = own;
  }
  borrowed_ = false;
}

void Task::hold(std::shared_ptr<BoundCall> call) {
  own_call_ = std::move(call);
  bound = own_call_.get();
}

void Task::finished() noexcept {
  const auto alive = std::move(self_);
  input_data_.clear();  // their memory goes back before the results are delivered
  Outcome outcome{{}, std::move(error)};
  if (!outcome.error) outcome.results = std::move(own_results_);
  answer(std::move(outcome));
}

void Task::answer(Outcome outcome) noexcept {
  if (!answered_.exchange(true)) settle(std::move(outcome));
}

}  // namespace ez_rknn
