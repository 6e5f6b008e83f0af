#pragma once
/// Bytes that never change again, held once for everybody who holds the same: models made from one file, models that
/// share weights, the shapes of a dynamic model.
#include <cstddef>
#include <memory>

#include "core/aligned.hpp"

namespace ez_rknn {

class SharedBytes {
 public:
  SharedBytes() = default;
  /// Finds equal bytes that somebody holds, or keeps these. Safe from any thread.
  explicit SharedBytes(AlignedBuffer&& bytes);
  const std::byte* data() const;
  std::size_t size() const;

  /// Bytes held by the process, each set counted once.
  static std::size_t held_by_process();

  struct Held;

 private:
  std::shared_ptr<const Held> held_;
};

}  // namespace ez_rknn
