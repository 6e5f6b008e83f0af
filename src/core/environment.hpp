#pragma once
/// Environment variables that name code to load or files to write.
#include <cstdlib>

namespace ez_rknn {

/// std::getenv, but null in a program that runs with more rights than who started it (set-user-ID).
inline const char* trusted_environment(const char* name) {
#if defined(__GLIBC__)
  return secure_getenv(name);
#else
  return std::getenv(name);
#endif
}

}  // namespace ez_rknn
