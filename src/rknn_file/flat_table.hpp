#pragma once
/// FlatBuffer tables by field number, total on hostile bytes: every offset is checked where it is followed. There is no
/// recursion (readers descend a fixed number of levels), so offsets that form a cycle cost nothing.
#include <optional>
#include <string_view>
#include <vector>

#include "core/byte_reader.hpp"
#include "rknn_file/budget.hpp"

namespace ez_rknn::file {

/// A vector of scalars or structs inside the buffer; `count` items of sizeof(T) bytes are known to lie inside.
template <class T>
class FlatVector {
 public:
  FlatVector() = default;
  FlatVector(std::span<const std::byte> bytes, std::uint64_t file_offset) : bytes_(bytes), offset_(file_offset) {}

  std::size_t size() const { return bytes_.size() / sizeof(T); }
  bool empty() const { return bytes_.empty(); }
  std::uint64_t file_offset(std::size_t i = 0) const { return offset_ + i * sizeof(T); }
  T operator[](std::size_t i) const {
    T v;
    std::memcpy(&v, bytes_.data() + i * sizeof(T), sizeof(T));
    return v;
  }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::vector<T> copy(Budget& budget, const char* what) const {
    budget.charge(bytes_.size(), what, offset_);
    std::vector<T> v(size());
    if (!v.empty()) std::memcpy(v.data(), bytes_.data(), bytes_.size());
    return v;
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t offset_ = 0;
};

class FlatTable {
 public:
  /// The table at `at`: a signed distance back to its vtable, then the fields.
  FlatTable(const ByteReader& area, std::uint64_t at, const char* what) : area_(area), at_(at) {
    const auto back = area.get<std::int32_t>(at, what);
    const std::int64_t vtable = static_cast<std::int64_t>(at) - back;
    if (vtable < 0) fail(at, what, "its vtable would lie before the buffer");
    vtable_ = static_cast<std::uint64_t>(vtable);
    vtable_bytes_ = area.get<std::uint16_t>(vtable_, what);
    if (vtable_bytes_ < 4 || vtable_bytes_ % 2 != 0) fail(vtable_, what, "its vtable has an impossible size");
    area.require(vtable_, vtable_bytes_, 1, what);
  }
  static FlatTable root(const ByteReader& area, const char* what) {
    return {area, area.get<std::uint32_t>(0, what), what};
  }

  std::uint64_t file_offset() const { return area_.base() + at_; }
  std::uint64_t vtable() const { return vtable_; }
  /// The same bytes read through the vtable of another table (for files whose tables point at the wrong one).
  FlatTable with_vtable_of(const FlatTable& other) const {
    FlatTable t = *this;
    t.vtable_ = other.vtable_, t.vtable_bytes_ = other.vtable_bytes_;
    return t;
  }

  bool has(int field) const { return slot(field) != 0; }
  /// Position of a field in the file, of the table itself where the field is absent.
  std::uint64_t file_offset(int field) const { return area_.base() + at_ + slot(field); }

  template <class T>
  T scalar(int field, T fallback, const char* what) const {
    const auto s = slot(field);
    return s ? area_.get<T>(at_ + s, what) : fallback;
  }
  template <class T>
  FlatVector<T> vector(int field, const char* what) const {
    const auto at = target(field, what);
    if (!at) return {};
    const auto n = area_.get<std::uint32_t>(*at, what);
    area_.require(*at + 4, n, sizeof(T), what);
    return {area_.bytes().subspan(*at + 4, std::size_t{n} * sizeof(T)), area_.base() + *at + 4};
  }
  std::string_view text(int field, const char* what) const {
    const auto v = vector<char>(field, what);
    return {reinterpret_cast<const char*>(v.bytes().data()), v.size()};
  }
  /// text(), or nothing where following the offsets fails.
  std::optional<std::string_view> text_if_valid(int field) const {
    try {
      return text(field, "");
    } catch (const ModelError&) { return std::nullopt; }
  }
  std::optional<FlatTable> table(int field, const char* what) const {
    const auto at = target(field, what);
    if (!at) return std::nullopt;
    return FlatTable(area_, *at, what);
  }
  std::vector<FlatTable> tables(int field, Budget& budget, const char* what) const {
    const auto at = target(field, what);
    std::vector<FlatTable> all;
    if (!at) return all;
    const auto n = area_.get<std::uint32_t>(*at, what);
    area_.require(*at + 4, n, 4, what);
    budget.charge(n * sizeof(FlatTable), what, area_.base() + *at);
    all.reserve(n);
    for (std::uint64_t i = 0, e = *at + 4; i < n; ++i, e += 4)
      all.emplace_back(area_, e + area_.get<std::uint32_t>(e, what), what);
    return all;
  }

 private:
  /// Offset of a field inside the table, 0 where absent.
  std::uint64_t slot(int field) const {
    if (field < 0) return 0;
    const auto entry = 4 + 2 * static_cast<std::uint64_t>(field);
    return entry + 2 <= vtable_bytes_ ? area_.get<std::uint16_t>(vtable_ + entry, "vtable entry") : 0;
  }
  std::optional<std::uint64_t> target(int field, const char* what) const {
    const auto s = slot(field);
    if (!s) return std::nullopt;
    return at_ + s + area_.get<std::uint32_t>(at_ + s, what);
  }
  [[noreturn]] void fail(std::uint64_t at, const char* what, const char* why) const {
    throw ModelError(area_.base() + at, std::string(what) + ": " + why);
  }

  ByteReader area_;
  std::uint64_t at_ = 0, vtable_ = 0;
  std::uint16_t vtable_bytes_ = 0;
};

}  // namespace ez_rknn::file
