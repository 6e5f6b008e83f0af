#include "session/cancellation.hpp"

#include <algorithm>

#include "session/engine.hpp"

namespace ez_rknn {
namespace {

bool same(const std::weak_ptr<Engine>& a, const std::shared_ptr<Engine>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

}  // namespace

void Cancellation::State::watch(const std::shared_ptr<Engine>& engine) {
  std::lock_guard lock(mutex);
  if (std::any_of(engines.begin(), engines.end(), [&](const auto& e) { return same(e, engine); })) return;
  engines.erase(std::remove_if(engines.begin(), engines.end(), [](const auto& e) { return e.expired(); }),
                engines.end());
  engines.push_back(engine);
}

Cancellation::Cancellation() : state_(std::make_shared<State>()) {}

void Cancellation::cancel() {
  state_->cancelled = true;
  std::vector<std::weak_ptr<Engine>> engines;
  {
    std::lock_guard lock(state_->mutex);
    engines = state_->engines;
  }
  for (const auto& weak : engines)
    if (const auto engine = weak.lock()) engine->cancel(*state_);
}

void Cancellation::reset() { state_->cancelled = false; }
bool Cancellation::cancelled() const { return state_->cancelled; }

}  // namespace ez_rknn
