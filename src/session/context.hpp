#pragma once
/// One rknn_context and the calls the engine makes on it. Not thread-safe but for the functions about memory: the
/// scheduler gives a context to one thread at a time, which holds its mutex during a run.
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "session/model_source.hpp"
#include "session/runtime_library.hpp"

namespace ez_rknn {

class Context {
 public:
  /// rknn_init.
  /// @param weights  share the weights of this context, which is kept alive; null for a model with its own
  /// @param flags  of RKNN_FLAG_*, beyond what `weights` needs
  /// @throws ModelError, Unsupported, DeviceError
  static std::shared_ptr<Context> create(std::shared_ptr<const RuntimeLibrary> library, const ModelSource& model,
                                         std::shared_ptr<Context> weights, std::uint32_t flags = 0);
  /// rknn_dup_context; null where the runtime has no such function or refuses.
  std::shared_ptr<Context> duplicate();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const RuntimeLibrary& library() const { return *library_; }
  const std::shared_ptr<const RuntimeLibrary>& shared_library() const { return library_; }
  const RknnApi& api() const { return library_->api(); }
  rknn_context handle() const { return handle_; }
  /// Those it was created with, for others like it.
  std::uint32_t flags() const { return flags_; }

  /// Throws DeviceError when `ret` is a failure of `function`.
  void check(const char* function, int ret) const;
  /// rknn_query; false when the runtime answers with an error.
  template <class T>
  bool query(rknn_query_cmd what, T& answer) const {
    return api().query(handle_, what, &answer, sizeof answer) >= 0;
  }
  /// As query(), but @throws DeviceError
  template <class T>
  void require(rknn_query_cmd what, T& answer) const {
    check("rknn_query", api().query(handle_, what, &answer, sizeof answer));
  }
  /// The code rknn_set_core_mask returned; RKNN_ERR_TARGET_PLATFORM_UNMATCH where there is no such function.
  int set_core_mask(std::uint32_t mask);
  /// The mask that was set, if any.
  std::optional<std::uint32_t> core_mask() const { return core_mask_; }

  std::mutex& mutex() { return mutex_; }
  /// rknn_create_mem2, or rknn_create_mem where there is no such function. @throws Unsupported, DeviceError
  rknn_tensor_mem* create_memory(std::uint64_t bytes, std::uint64_t flags);
  void destroy_memory(rknn_tensor_mem* memory) noexcept;
  /// rknn_mem_sync; nothing where there is no such function. @throws DeviceError
  void sync_memory(rknn_tensor_mem* memory, rknn_mem_sync_mode mode);
  /// Something the context needs as long as it lives.
  void keep(std::shared_ptr<void> needed) { kept_ = std::move(needed); }

 private:
  Context(std::shared_ptr<const RuntimeLibrary> library, rknn_context handle, std::shared_ptr<Context> weights,
          std::uint32_t flags)
      : library_(std::move(library)), handle_(handle), flags_(flags), weights_(std::move(weights)) {}
  std::shared_ptr<const RuntimeLibrary> library_;
  rknn_context handle_;
  const std::uint32_t flags_;
  std::optional<std::uint32_t> core_mask_;
  std::mutex mutex_;
  std::shared_ptr<void> kept_;
  std::shared_ptr<Context> weights_;  ///< the context whose weights this one reads
};

}  // namespace ez_rknn
