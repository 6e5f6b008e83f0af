#include "session/context.hpp"

#include "ez_rknn/error.hpp"
#include "session/status.hpp"

namespace ez_rknn {

std::shared_ptr<Context> Context::create(std::shared_ptr<const RuntimeLibrary> library, const ModelSource& model,
                                         std::shared_ptr<Context> weights, std::uint32_t flags) {
  rknn_init_extend extend{};
  if (weights) extend.ctx = weights->handle();
  const std::uint32_t all = flags | (weights ? RKNN_FLAG_SHARE_WEIGHT_MEM : 0);
  rknn_context handle = 0;
  // The ABI takes a non-const pointer; a mapped file is private to us and survives being written to.
  void* data = const_cast<std::byte*>(model.bytes().data());
  const int ret = library->api().init(&handle, data, static_cast<std::uint32_t>(model.bytes().size()), all,
                                      weights ? &extend : nullptr);
  if (ret < 0) raise_init_failure(*library, model.name(), ret);
  return std::shared_ptr<Context>(new Context(std::move(library), handle, std::move(weights), flags));
}

std::shared_ptr<Context> Context::duplicate() {
  if (!api().dup_context) return nullptr;
  rknn_context own = handle_, copy = 0;
  if (api().dup_context(&own, &copy) < 0) return nullptr;
  return std::shared_ptr<Context>(new Context(library_, copy, weights_, flags_));
}

Context::~Context() { api().destroy(handle_); }

void Context::check(const char* function, int ret) const { ez_rknn::check(*library_, handle_, function, ret); }

int Context::set_core_mask(std::uint32_t mask) {
  if (!api().set_core_mask) return RKNN_ERR_TARGET_PLATFORM_UNMATCH;
  const int ret = api().set_core_mask(handle_, static_cast<rknn_core_mask>(mask));
  if (ret >= 0) core_mask_ = mask;
  return ret;
}

rknn_tensor_mem* Context::create_memory(std::uint64_t bytes, std::uint64_t flags) {
  std::lock_guard lock(mutex_);
  if (!api().destroy_mem || !(api().create_mem2 || api().create_mem))
    throw Unsupported("this runtime has no memory to share with it (rknn_create_mem)");
  const bool second = api().create_mem2 != nullptr;
  rknn_tensor_mem* memory =
      second ? api().create_mem2(handle_, bytes, flags) : api().create_mem(handle_, static_cast<std::uint32_t>(bytes));
  if (!memory)
    throw DeviceError(RKNN_ERR_MALLOC_FAIL, std::string(second ? "rknn_create_mem2" : "rknn_create_mem") + " of " +
                                                std::to_string(bytes) + " bytes failed");
  return memory;
}

void Context::destroy_memory(rknn_tensor_mem* memory) noexcept {
  std::lock_guard lock(mutex_);
  api().destroy_mem(handle_, memory);
}

void Context::sync_memory(rknn_tensor_mem* memory, rknn_mem_sync_mode mode) {
  if (!api().mem_sync) return;
  std::lock_guard lock(mutex_);
  check("rknn_mem_sync", api().mem_sync(handle_, memory, mode));
}

}  // namespace ez_rknn
