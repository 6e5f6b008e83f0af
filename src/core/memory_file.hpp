#pragma once
/// Memory with a descriptor, which other processes and contexts can map.
#include <sys/syscall.h>
#include <unistd.h>

namespace ez_rknn {

/// An empty file in memory, closed on exec; -1 with errno. The system call itself: glibc has a function for it
/// since 2.27 only, and the wheels run on 2.17.
inline int memory_file() {
  constexpr unsigned kCloseOnExec = 1;  // MFD_CLOEXEC of the kernel's interface
  return static_cast<int>(syscall(SYS_memfd_create, "ez-rknn", kCloseOnExec));
}

}  // namespace ez_rknn
