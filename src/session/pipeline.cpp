#include "ez_rknn/pipeline.hpp"

#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "ez_rknn/error.hpp"
#include "session/engine.hpp"

namespace ez_rknn {
namespace {

void check_depth(int depth) {
  if (depth <= 0) throw InvalidArgument("depth " + std::to_string(depth) + " given, 1 or more accepted");
}

}  // namespace

/// A task in flight, or its outputs when flush() had to put them back.
struct Pipeline::Frame {
  Future future;
  std::optional<Outputs> outputs;

  Outputs get() { return outputs ? *std::exchange(outputs, std::nullopt) : future.get(); }
};

struct Pipeline::State {
  std::weak_ptr<Engine> engine;
  RunOptions options;
  std::vector<int> outputs;  ///< what options.outputs refers to

  mutable std::mutex mutex;  ///< guards what follows
  std::deque<Frame> frames;
  int depth;
};

Pipeline::Pipeline(const Session& session, int depth, const RunOptions& options)
    : Pipeline(std::weak_ptr(SessionAccess::engine(session)), depth, options) {}

Pipeline::Pipeline(std::weak_ptr<Engine> engine, int depth, const RunOptions& options) {
  check_depth(depth);
  state_.reset(new State{std::move(engine), options, {options.outputs.begin(), options.outputs.end()}, {}, {}, depth});
  state_->options.outputs = state_->outputs;
}

Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&& other) noexcept {
  if (this != &other) {
    if (state_) clear();
    state_ = std::move(other.state_);
  }
  return *this;
}
Pipeline::~Pipeline() {
  if (state_) clear();
}

std::optional<Pipeline::Outputs> Pipeline::push(std::span<const InputView> inputs) {
  return push(inputs, depth(), false);
}

std::optional<Pipeline::Outputs> Pipeline::push(std::span<const InputView> inputs, int depth, bool restart) {
  check_depth(depth);
  const auto engine = state_->engine.lock();
  if (!engine) throw Closed("the pipeline's session is closed");
  Frame oldest;
  {
    std::lock_guard lock(state_->mutex);  // also while waiting for room: pushes are accepted in turn
    Frame own{engine->submit(inputs, state_->options), {}};
    auto& frames = state_->frames;
    if (restart || depth != state_->depth) frames.clear();
    state_->depth = depth;
    frames.push_back(std::move(own));
    if (frames.size() <= static_cast<std::size_t>(depth)) return std::nullopt;
    oldest = std::move(frames.front());
    frames.pop_front();
  }
  return oldest.get();
}

std::optional<Pipeline::Outputs> Pipeline::pop() {
  Frame oldest;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->frames.empty()) return std::nullopt;
    oldest = std::move(state_->frames.front());
    state_->frames.pop_front();
  }
  return oldest.get();
}

std::vector<Pipeline::Outputs> Pipeline::flush() {
  std::deque<Frame> frames;
  {
    std::lock_guard lock(state_->mutex);
    frames.swap(state_->frames);
  }
  std::vector<Outputs> all;
  while (!frames.empty()) try {
      Frame oldest = std::move(frames.front());
      frames.pop_front();
      all.push_back(oldest.get());
    } catch (...) {  // what has been had already goes back to its place
      std::lock_guard lock(state_->mutex);
      for (auto f = frames.rbegin(); f != frames.rend(); ++f) state_->frames.push_front(std::move(*f));
      for (auto r = all.rbegin(); r != all.rend(); ++r) state_->frames.push_front({{}, std::move(*r)});
      throw;
    }
  return all;
}

void Pipeline::clear() {
  std::deque<Frame> frames;
  {
    std::lock_guard lock(state_->mutex);
    frames.swap(state_->frames);
  }
  for (Frame& f : frames)
    if (f.future.valid()) f.future.cancel();
}

int Pipeline::depth() const {
  std::lock_guard lock(state_->mutex);
  return state_->depth;
}

std::size_t Pipeline::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->frames.size();
}

}  // namespace ez_rknn
