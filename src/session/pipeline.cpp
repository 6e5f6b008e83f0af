#include "session/pipeline.hpp"

#include "ez_rknn/error.hpp"

namespace ez_rknn {

std::optional<std::vector<Tensor>> Pipeline::step(const std::function<Future()>& submit, int depth, bool reset) {
  if (depth <= 0) throw InvalidArgument("depth " + std::to_string(depth) + " given, 1 or more accepted");
  Future oldest;
  {
    std::lock_guard lock(mutex_);
    Future own = submit();
    if (reset || depth != depth_) window_.clear();  // those tasks still run; their results are dropped
    depth_ = depth;
    window_.push_back(std::move(own));
    if (window_.size() <= static_cast<std::size_t>(depth)) return std::nullopt;
    oldest = std::move(window_.front());
    window_.pop_front();
  }
  return oldest.get();
}

}  // namespace ez_rknn
