#include "session/imported_memory.hpp"

#include <string>

#include "core/log.hpp"

namespace ez_rknn {

ImportedMemory::~ImportedMemory() {
  for (const auto& [memory, import] : imports_) end(import);
}

void ImportedMemory::end(const Import& import) {
  if (!import.handle) return;
  forget_(import.handle);
  context_->destroy_memory(import.handle);
  if (const auto alive = import.memory.lock()) --alive->imports;
}

rknn_tensor_mem* ImportedMemory::find(const std::shared_ptr<DeviceMemory>& memory) {
  const RknnApi& api = context_->api();
  if (memory->fd() < 0 || !api.create_mem_from_fd || !api.destroy_mem) return nullptr;
  if (const auto found = imports_.find(memory.get()); found != imports_.end()) {
    if (found->second.memory.lock() == memory) return found->second.handle;
    end(found->second);  // other memory that happened to be at the same address
    imports_.erase(found);
  }
  rknn_tensor_mem* handle =
      api.create_mem_from_fd(context_->handle(), memory->fd(), memory->base(),
                             static_cast<std::uint32_t>(memory->bytes()), static_cast<std::int32_t>(memory->offset()));
  if (handle) ++memory->imports;
  else
    log::warning("rknn_create_mem_from_fd refuses descriptor " + std::to_string(memory->fd()) + " (" +
                 std::to_string(memory->bytes()) + " bytes): this memory is copied at each run");
  imports_.emplace(memory.get(), Import{memory, handle});
  return handle;
}

void ImportedMemory::purge() {
  for (auto it = imports_.begin(); it != imports_.end();) {
    if (!it->second.memory.expired()) {
      ++it;
      continue;
    }
    end(it->second);
    it = imports_.erase(it);
  }
}

}  // namespace ez_rknn
