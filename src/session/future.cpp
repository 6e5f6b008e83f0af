#include "session/future.hpp"

#include "ez_rknn/error.hpp"

namespace ez_rknn {

void FutureRequest::finished() noexcept {
  const std::unique_ptr<FutureRequest> self(this);
  {
    std::lock_guard lock(state->mutex);
    state->results = std::move(own_results);
    state->error = std::move(error);
    state->ready = true;
  }
  state->wake.notify_all();  // `state` is shared: it lives as long as either end
}

bool Future::ready() const {
  if (!state_) return false;
  std::lock_guard lock(state_->mutex);
  return state_->ready;
}

void Future::wait() const {
  if (!state_) throw InvalidArgument("this future has no result: it was never set, or get() has been called");
  std::unique_lock lock(state_->mutex);
  state_->wake.wait(lock, [&] { return state_->ready; });
}

std::vector<Tensor> Future::get() {
  wait();
  const auto state = std::move(state_);
  // Taken out, so that the worker, which may let go of the state later, is not the one to destroy it.
  if (auto error = std::move(state->error)) std::rethrow_exception(std::move(error));
  return std::move(state->results);
}

}  // namespace ez_rknn
