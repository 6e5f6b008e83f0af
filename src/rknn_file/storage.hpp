#pragma once
/// What a Model's spans point into: the file's bytes, and blocks the reader unpacked or aligned.
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace ez_rknn::file {

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using AlignedBlock = std::unique_ptr<std::byte[], AlignedDelete>;

/// 64-byte aligned, not initialised.
inline AlignedBlock aligned_block(std::size_t bytes) {
  return AlignedBlock(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64})));
}

struct Storage {
  std::vector<std::shared_ptr<const void>> owners;
  std::vector<AlignedBlock> blocks;

  std::span<std::byte> allocate(std::size_t bytes) {
    blocks.push_back(aligned_block(bytes));
    return {blocks.back().get(), bytes};
  }
};

}  // namespace ez_rknn::file
