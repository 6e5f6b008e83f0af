#include "session/context.hpp"

#include "session/status.hpp"

namespace ez_rknn {

std::shared_ptr<Context> Context::create(std::shared_ptr<const RuntimeLibrary> library, const ModelSource& model,
                                         std::shared_ptr<Context> weights) {
  rknn_init_extend extend{};
  std::uint32_t flags = 0;
  if (weights) {
    flags |= RKNN_FLAG_SHARE_WEIGHT_MEM;
    extend.ctx = weights->handle();
  }
  rknn_context handle = 0;
  // The ABI takes a non-const pointer; a mapped file is private to us and survives being written to.
  void* data = const_cast<std::byte*>(model.bytes().data());
  const int ret = library->api().init(&handle, data, static_cast<std::uint32_t>(model.bytes().size()), flags,
                                      weights ? &extend : nullptr);
  if (ret < 0) raise_init_failure(*library, model.name(), ret);
  return std::shared_ptr<Context>(new Context(std::move(library), handle, std::move(weights)));
}

std::shared_ptr<Context> Context::duplicate() {
  if (!api().dup_context) return nullptr;
  rknn_context own = handle_, copy = 0;
  if (api().dup_context(&own, &copy) < 0) return nullptr;
  return std::shared_ptr<Context>(new Context(library_, copy, weights_));
}

Context::~Context() { api().destroy(handle_); }

void Context::check(const char* function, int ret) const { ez_rknn::check(*library_, handle_, function, ret); }

int Context::set_core_mask(std::uint32_t mask) {
  if (!api().set_core_mask) return RKNN_ERR_TARGET_PLATFORM_UNMATCH;
  return api().set_core_mask(handle_, static_cast<rknn_core_mask>(mask));
}

}  // namespace ez_rknn
