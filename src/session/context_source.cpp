#include "session/context_source.hpp"

#include "ez_rknn/error.hpp"

namespace ez_rknn {

ContextSource::ContextSource(const ModelSource& model, const SessionOptions& options, std::shared_ptr<Context> weights,
                             std::shared_ptr<CustomOps> ops)
    : weights_(std::move(weights)),
      ops_(std::move(ops)),
      duplicate_(!options.disable_dup_context && !weights_ && ops_->empty()),
      zero_copy_layout_(options.zero_copy_layout) {
  if (!duplicate_) kept_ = model.owned();
}

std::shared_ptr<Context> ContextSource::beside(Context& first, const ModelSource& model) const {
  std::shared_ptr<Context> copy = duplicate_ ? first.duplicate() : nullptr;
  return copy ? copy : Context::create(first.shared_library(), model, weights_, first.flags());
}

std::shared_ptr<Context> ContextSource::another(Context& like) const {
  const std::lock_guard in_use(like.mutex());
  std::shared_ptr<Context> made = duplicate_ ? like.duplicate() : nullptr;
  if (!made && !kept_)
    throw Unsupported(
        "this runtime cannot duplicate a context (rknn_dup_context), which a bound run needs; "
        "disable_dup_context=True keeps the model's bytes to initialise it again instead");
  if (!made) made = Context::create(like.shared_library(), *kept_, weights_, like.flags());
  ops_->register_with(*made);
  made->keep(ops_);
  if (const auto mask = like.core_mask()) made->check("rknn_set_core_mask", made->set_core_mask(*mask));
  return made;
}

}  // namespace ez_rknn
