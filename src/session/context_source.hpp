#pragma once
/// Makes further contexts of a session's model: duplicates where that is possible, else from the model's bytes, which
/// are then kept for it.
#include <memory>
#include <optional>

#include "ez_rknn/options.hpp"
#include "session/context.hpp"
#include "session/custom_ops.hpp"

namespace ez_rknn {

class ContextSource {
 public:
  /// @param weights  as for Context::create
  ContextSource(const ModelSource& model, const SessionOptions& options, std::shared_ptr<Context> weights,
                std::shared_ptr<CustomOps> ops);

  /// A bare context beside `first`, for a worker of the session that is being made. @throws as Context::create
  std::shared_ptr<Context> beside(Context& first, const ModelSource& model) const;
  /// A complete one for the same worker as `like`: its cores, its operators. `like` is in use by the caller.
  /// @throws as Context::create; Unsupported when the runtime does not duplicate after all
  std::shared_ptr<Context> another(Context& like) const;
  ZeroCopyLayout zero_copy_layout() const { return zero_copy_layout_; }

 private:
  const std::shared_ptr<Context> weights_;
  const std::shared_ptr<CustomOps> ops_;
  const bool duplicate_;
  const ZeroCopyLayout zero_copy_layout_;
  std::optional<ModelSource> kept_;  ///< where contexts cannot be duplicated
};

}  // namespace ez_rknn
