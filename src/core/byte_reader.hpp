#pragma once
/// Bounds-checked reading of little-endian data. Every read either lies inside the bytes or throws ModelError with the
/// offset, so a parser built on it is total: any bytes give a value or an error.
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include "ez_rknn/error.hpp"

namespace ez_rknn {

class ByteReader {
 public:
  ByteReader() = default;
  /// @param base  offset of bytes[0] in the file, for messages only
  explicit ByteReader(std::span<const std::byte> bytes, std::uint64_t base = 0) : bytes_(bytes), base_(base) {}

  std::uint64_t size() const { return bytes_.size(); }
  std::uint64_t base() const { return base_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  /// True when `count` items of `item` bytes starting at `at` lie inside; no product or sum can overflow.
  bool contains(std::uint64_t at, std::uint64_t count, std::uint64_t item = 1) const {
    return at <= bytes_.size() && (item == 0 || count <= (bytes_.size() - at) / item);
  }
  template <class T>
  T get(std::uint64_t at, const char* what) const {
    static_assert(std::is_trivially_copyable_v<T>);
    require(at, 1, sizeof(T), what);
    T v;
    std::memcpy(&v, bytes_.data() + at, sizeof(T));
    return v;
  }
  std::span<const std::byte> slice(std::uint64_t at, std::uint64_t count, const char* what) const {
    require(at, count, 1, what);
    return bytes_.subspan(at, count);
  }
  void require(std::uint64_t at, std::uint64_t count, std::uint64_t item, const char* what) const {
    if (!contains(at, count, item))
      throw ModelError(base_ + at, std::string(what) + ": " + std::to_string(count) + " x " + std::to_string(item) +
                                       " bytes at " + std::to_string(at) + " leave the area of " +
                                       std::to_string(size()) + " bytes");
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t base_ = 0;
};

}  // namespace ez_rknn
