#include "session/dma_heap.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace ez_rknn {
namespace {

// The kernel's interface (uapi/linux/dma-heap.h, dma-buf.h), declared here because build machines may lack the headers.
struct HeapAllocation {
  std::uint64_t len;
  std::uint32_t fd;
  std::uint32_t fd_flags;
  std::uint64_t heap_flags;
};
constexpr unsigned long kHeapAlloc = _IOWR('H', 0, HeapAllocation);
struct BufSync {
  std::uint64_t flags;
};
constexpr unsigned long kBufSync = _IOW('b', 0, BufSync);
constexpr std::uint64_t kRead = 1, kWrite = 2, kEnd = 4;

bool sync(int fd, std::uint64_t flags) {
  BufSync request{flags};
  int ret = 0;
  do ret = ioctl(fd, kBufSync, &request);
  while (ret < 0 && (errno == EINTR || errno == EAGAIN));
  return ret == 0;
}

int allocate_from(const char* heap, std::uint64_t bytes) {
  const int device = open(heap, O_RDWR | O_CLOEXEC);
  if (device < 0) return -1;
  HeapAllocation request{bytes, 0, O_RDWR | O_CLOEXEC, 0};
  const int ret = ioctl(device, kHeapAlloc, &request);
  close(device);
  return ret < 0 ? -1 : static_cast<int>(request.fd);
}

}  // namespace

int allocate_dma_buf(std::uint64_t bytes, bool uncached) {
  constexpr const char* kCached[] = {"/dev/dma_heap/system", "/dev/dma_heap/system-dma32"};
  constexpr const char* kUncached[] = {"/dev/dma_heap/system-uncached", "/dev/dma_heap/system-uncached-dma32"};
  for (const char* heap : uncached ? kUncached : kCached)
    if (const int fd = allocate_from(heap, bytes); fd >= 0) return fd;
  return -1;
}

bool sync_dma_buf_to_device(int fd) { return sync(fd, kEnd | kRead | kWrite); }
bool sync_dma_buf_from_device(int fd) { return sync(fd, kRead | kWrite); }

std::uint64_t extent_of(int fd) {
  struct stat status{};
  if (fstat(fd, &status) != 0) return 0;
  if (status.st_size > 0) return static_cast<std::uint64_t>(status.st_size);
  const off_t end = lseek(fd, 0, SEEK_END);
  if (end > 0) lseek(fd, 0, SEEK_SET);
  return end > 0 ? static_cast<std::uint64_t>(end) : 0;
}

}  // namespace ez_rknn
