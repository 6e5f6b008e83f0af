#pragma once
/// The NPU's view of memory: the activation arena of a graph and, behind it, its constants. Every access is checked;
/// constants cannot be written.
#include <cstring>
#include <vector>

#include "npu/regs/banks.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::task {

class Memory {
 public:
  /// @throws ModelError for a graph that asks for more than 4 GiB
  explicit Memory(const file::Graph& graph);

  /// Where a tensor begins. @throws ModelError for an index that is no tensor, or a tensor without memory
  std::int64_t base(std::int32_t tensor) const;
  std::int64_t at(Address address) const { return base(address.tensor) + address.addend; }

  /// `count` bytes from `from`. @throws ModelError naming what leaves the memory
  const std::byte* read(std::int64_t from, std::int64_t count, const char* what) const;
  std::byte* write(std::int64_t to, std::int64_t count, const char* what);

  template <class T>
  T load(std::int64_t from, const char* what) const {
    T v;
    std::memcpy(&v, read(from, sizeof(T), what), sizeof(T));
    return v;
  }

 private:
  std::vector<std::byte> bytes_;
  std::int64_t arena_bytes_ = 0;  ///< what may be written
  std::vector<std::int64_t> bases_;
};

}  // namespace ez_rknn::npu::task
