#pragma once
/// Memory that devices share with the CPU, as the kernel hands it out.
#include <cstdint>

namespace ez_rknn {

/// A dma-buf from /dev/dma_heap: a descriptor, or -1 where there is no such heap (or no permission, or no memory).
/// @param uncached  from a heap whose memory the CPU does not cache; a cached one is never taken in its place
int allocate_dma_buf(std::uint64_t bytes, bool uncached);

/// Cache maintenance around the CPU's accesses. False when `fd` is no dma-buf.
bool sync_dma_buf_to_device(int fd);
bool sync_dma_buf_from_device(int fd);

/// Bytes a descriptor can be mapped for; 0 when it does not say. dma-bufs answer a seek and nothing else.
std::uint64_t extent_of(int fd);

}  // namespace ez_rknn
