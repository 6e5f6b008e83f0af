#pragma once
/// Numbers handed out for objects. A number that was never given out, or whose object is gone, finds nothing; an object
/// lives on while a call that found it is still using it. One of a kind in the process.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "abi/rknn.h"
#include "core/global_mutex.hpp"

namespace ez_rknn::npurt {

/// Never the same twice, and nothing an uninitialised variable is likely to hold. Contexts of models and of matrix
/// multiplications share the numbers, so one is never taken for the other.
rknn_context next_handle();

template <class T>
class Handles {
 public:
  rknn_context add(std::shared_ptr<T> object) {
    const rknn_context handle = next_handle();
    std::lock_guard lock(mutex_);
    objects_.emplace(handle, std::move(object));
    return handle;
  }
  /// Null when there is none.
  std::shared_ptr<T> find(rknn_context handle) const {
    std::lock_guard lock(mutex_);
    const auto it = objects_.find(handle);
    return it == objects_.end() ? nullptr : it->second;
  }
  std::shared_ptr<T> remove(rknn_context handle) {
    std::lock_guard lock(mutex_);
    const auto it = objects_.find(handle);
    if (it == objects_.end()) return nullptr;
    auto object = std::move(it->second);
    objects_.erase(it);
    return object;
  }

 private:
  mutable GlobalMutex mutex_;
  std::map<rknn_context, std::shared_ptr<T>> objects_;
};

}  // namespace ez_rknn::npurt
