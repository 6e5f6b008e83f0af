// Creating, destroying and synchronising memory; memory for weights and internal tensors.
#include "core/log.hpp"
#include "npurt/context.hpp"
#include "npurt/guard.hpp"
#include "npurt/matmul.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npurt;

/// Memory is for contexts of models and of matrices alike. @throws Refusal (RKNN_ERR_CTX_INVALID)
void require_context(rknn_context context) {
  if (!is_matmul_context(context)) find_context(context);
}

/// Whether memory is cached, and SRAM, make no difference to a processor; a wish that cannot be meant is refused.
void check_flags(std::uint64_t flags) {
  constexpr std::uint64_t kKnown = RKNN_FLAG_MEMORY_CACHEABLE | RKNN_FLAG_MEMORY_NON_CACHEABLE |
                                   RKNN_FLAG_MEMORY_TRY_ALLOC_SRAM | RKNN_MEM_FLAG_ALLOC_NO_CONTEXT;
  constexpr std::uint64_t kBoth = RKNN_FLAG_MEMORY_CACHEABLE | RKNN_FLAG_MEMORY_NON_CACHEABLE;
  if (flags & ~kKnown || (flags & kBoth) == kBoth)
    refuse(RKNN_ERR_PARAM_INVALID,
           "flags " + std::to_string(flags) +
               "; accepted: cacheable (1) or non-cacheable (2), SRAM (4), without a context (0x20000)");
}

/// Programs that keep weights and internal tensors in memory of their own may do so; this NPU has them elsewhere.
void accept_unused(rknn_context context, const rknn_tensor_mem* mem, const char* what) {
  find_context(context);
  const auto memory = memory_of(mem);
  log::info(std::string(what) + ": " + std::to_string(memory->size()) +
            " bytes accepted; the software NPU does not use them");
}

}  // namespace

extern "C" {

rknn_tensor_mem* rknn_create_mem(rknn_context context, uint32_t size) {
  return guarded_pointer("rknn_create_mem", [&] {
    require_context(context);
    return keep(Memory::allocate(size));
  });
}

rknn_tensor_mem* rknn_create_mem2(rknn_context context, uint64_t size, uint64_t alloc_flags) {
  return guarded_pointer("rknn_create_mem2", [&] {
    const bool needs_context = !(alloc_flags & RKNN_MEM_FLAG_ALLOC_NO_CONTEXT);
    if (needs_context) require_context(context);
    check_flags(alloc_flags);
    auto memory = Memory::allocate(size);
    memory->needs_context = needs_context;
    return keep(std::move(memory));
  });
}

rknn_tensor_mem* rknn_create_mem_from_fd(rknn_context context, int32_t fd, void* virt_addr, uint32_t size,
                                         int32_t offset) {
  return guarded_pointer("rknn_create_mem_from_fd", [&] {
    require_context(context);
    return keep(Memory::from_fd(fd, virt_addr, size, offset));
  });
}

rknn_tensor_mem* rknn_create_mem_from_phys(rknn_context context, uint64_t phys_addr, void* virt_addr, uint32_t size) {
  return guarded_pointer("rknn_create_mem_from_phys", [&] {
    require_context(context);
    require_pointer(virt_addr, "the mapping of the physical memory, which a process cannot make itself,");
    auto memory = Memory::from_fd(-1, virt_addr, size, 0);
    memory->handle()->phys_addr = phys_addr;
    memory->handle()->flags = RKNN_TENSOR_MEMORY_FLAGS_FROM_PHYS;
    return keep(std::move(memory));
  });
}

rknn_tensor_mem* rknn_create_mem_from_mb_blk(rknn_context context, void*, int32_t) {
  return guarded_pointer("rknn_create_mem_from_mb_blk", [&]() -> rknn_tensor_mem* {
    require_context(context);
    refuse(RKNN_ERR_FAIL, "media blocks exist on Rockchip's media driver only; use rknn_create_mem_from_fd");
  });
}

int rknn_destroy_mem(rknn_context context, rknn_tensor_mem* mem) {
  return guarded("rknn_destroy_mem", [&] {
    require_pointer(mem, "the memory");
    // Freed even when its context is gone, or it could never be.
    const auto memory = remove_memory(mem);
    if (!memory || memory->needs_context) require_context(context);
    if (!memory) refuse(RKNN_ERR_PARAM_INVALID, "the memory was not created here, or is destroyed already");
  });
}

int rknn_mem_sync(rknn_context context, rknn_tensor_mem* mem, rknn_mem_sync_mode mode) {
  return guarded("rknn_mem_sync", [&] {
    if (const auto memory = find_memory(mem); !memory || memory->needs_context) require_context(context);
    memory_of(mem);
    if (mode < RKNN_MEMORY_SYNC_TO_DEVICE || mode > RKNN_MEMORY_SYNC_BIDIRECTIONAL)
      refuse(RKNN_ERR_PARAM_INVALID,
             "mode " + std::to_string(static_cast<std::uint32_t>(mode)) + "; 1, 2 and 3 are accepted");
    // Both sides are the same processor: its caches are coherent.
  });
}

int rknn_set_weight_mem(rknn_context context, rknn_tensor_mem* mem) {
  return guarded("rknn_set_weight_mem", [&] { accept_unused(context, mem, "rknn_set_weight_mem"); });
}

int rknn_set_internal_mem(rknn_context context, rknn_tensor_mem* mem) {
  return guarded("rknn_set_internal_mem", [&] { accept_unused(context, mem, "rknn_set_internal_mem"); });
}

}  // extern "C"
