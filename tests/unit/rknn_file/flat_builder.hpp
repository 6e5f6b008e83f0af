#pragma once
/// Writes FlatBuffers and .rknn containers by field number, so that tests can state a file's tables and break one
/// thing.
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "samples.hpp"

namespace ez_rknn::test {

template <class T>
void append(FileBytes& out, const T& value) {
  const auto at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(&out[at], &value, sizeof(T));
}

class Table {
 public:
  struct Vector {
    std::uint32_t count = 0;
    FileBytes bytes;
  };
  using Tables = std::vector<Table>;
  using Field = std::variant<FileBytes, Vector, Tables>;  // inline scalar; vector; vector of tables

  template <class T>
  Table& scalar(int field, T value) {
    FileBytes b;
    append(b, value);
    fields_[field] = b;
    return *this;
  }
  Table& text(int field, std::string_view s) {
    const auto bytes = std::as_bytes(std::span(s));
    fields_[field] = Vector{static_cast<std::uint32_t>(s.size()), {bytes.begin(), bytes.end()}};
    return *this;
  }
  template <class T>
  Table& list(int field, const std::vector<T>& values) {
    Vector v{static_cast<std::uint32_t>(values.size()), {}};
    for (const auto& x : values) append(v.bytes, x);
    fields_[field] = v;
    return *this;
  }
  Table& ints(int field, const std::vector<std::int32_t>& values) { return list(field, values); }
  Table& tables(int field, Tables values) {
    fields_[field] = std::move(values);
    return *this;
  }
  /// A table of its own, as opposed to a vector of one.
  Table& table(int field, const Table& value) {
    single_[field] = {value};
    fields_[field] = FileBytes(4);
    return *this;
  }
  Tables& tables(int field) { return std::get<Tables>(fields_.at(field)); }
  Table& remove(int field) {
    fields_.erase(field);
    return *this;
  }

  /// Appends vtable, table and all below it; returns where the table starts.
  std::size_t write(FileBytes& out) const {
    const int slots = fields_.empty() ? 0 : fields_.rbegin()->first + 1;
    std::map<int, std::size_t> place;
    std::size_t inline_bytes = 4;
    for (const auto& [field, value] : fields_) {
      place[field] = inline_bytes;
      const auto* scalar = std::get_if<FileBytes>(&value);
      inline_bytes += scalar ? scalar->size() : 4;
    }
    const auto vtable = out.size();
    append(out, static_cast<std::uint16_t>(4 + 2 * slots));
    append(out, static_cast<std::uint16_t>(inline_bytes));
    for (int i = 0; i < slots; ++i) append(out, static_cast<std::uint16_t>(place.count(i) ? place[i] : 0));
    const auto start = out.size();
    append(out, static_cast<std::int32_t>(start - vtable));
    out.resize(start + inline_bytes);
    for (const auto& [field, value] : fields_) {
      const auto at = start + place[field];
      if (const auto s = single_.find(field); s != single_.end()) {
        point(out, at, s->second.front().write(out));
      } else if (const auto* bytes = std::get_if<FileBytes>(&value)) {
        std::copy(bytes->begin(), bytes->end(), out.begin() + static_cast<std::ptrdiff_t>(at));
      } else if (const auto* v = std::get_if<Vector>(&value)) {
        while (out.size() % 4) out.push_back({});
        point(out, at, out.size());
        append(out, v->count);
        out.insert(out.end(), v->bytes.begin(), v->bytes.end());
      } else {
        const auto& children = std::get<Tables>(value);
        point(out, at, out.size());
        append(out, static_cast<std::uint32_t>(children.size()));
        const auto first = out.size();
        out.resize(first + 4 * children.size());
        for (std::size_t i = 0; i < children.size(); ++i) point(out, first + 4 * i, children[i].write(out));
      }
    }
    return start;
  }

 private:
  static void point(FileBytes& out, std::size_t at, std::size_t target) {
    const auto offset = static_cast<std::uint32_t>(target - at);
    std::memcpy(&out[at], &offset, 4);
  }
  std::map<int, Field> fields_;
  std::map<int, Tables> single_;
};

inline FileBytes flat_buffer(const Table& root) {
  FileBytes out;
  append(out, std::uint32_t{0});
  for (const char c : std::string_view("RKNN")) append(out, c);
  const auto at = static_cast<std::uint32_t>(root.write(out));
  std::memcpy(out.data(), &at, 4);
  return out;
}

/// Follows offsets in a FlatBuffer that is known to be sound.
class Cursor {
 public:
  explicit Cursor(const FileBytes& bytes) : bytes_(&bytes) {}
  /// The table an offset at `at` leads to.
  Cursor to(std::size_t at) const {
    Cursor c = *this;
    c.at_ = at + word(at);
    return c;
  }
  std::size_t at() const { return at_; }
  std::size_t vtable() const { return at_ - word(at_); }
  /// Where the value of a field lies.
  std::size_t field(int f) const {
    std::uint16_t slot;
    std::memcpy(&slot, bytes_->data() + vtable() + 4 + 2 * static_cast<std::size_t>(f), 2);
    return at_ + slot;
  }
  Cursor vector_item(int f, std::size_t i) const { return to(to(field(f)).at() + 4 + 4 * i); }

 private:
  std::uint32_t word(std::size_t at) const {
    std::uint32_t v;
    std::memcpy(&v, bytes_->data() + at, 4);
    return v;
  }
  const FileBytes* bytes_;
  std::size_t at_ = 0;
};

inline FileBytes container(std::uint64_t version, const FileBytes& body, std::string_view json = "{}") {
  FileBytes out;
  for (const char c : std::string_view("RKNN\0\0\0\0", 8)) append(out, c);
  append(out, version);
  append(out, static_cast<std::uint64_t>(body.size()));
  out.resize(version > 1 ? 64 : 24);
  out.insert(out.end(), body.begin(), body.end());
  append(out, static_cast<std::uint64_t>(json.size()));
  for (const char c : json) append(out, c);
  return out;
}

/// A version-6 model of one Add on the NPU, tables still open to change: tensors none, "x", "y", "w", commands, tasks.
struct Sketch {
  static Table tensor(int dtype, int layout, int kind, std::vector<std::int32_t> shape, std::string_view name) {
    return Table()
        .scalar(0, static_cast<std::int8_t>(dtype))
        .scalar(1, static_cast<std::int8_t>(layout))
        .scalar(2, static_cast<std::int8_t>(kind))
        .ints(3, shape)
        .ints(4, shape)
        .text(5, name);
  }
  static Table buffer(const std::vector<std::uint8_t>& bytes) { return Table().list(0, bytes); }
  struct Record {
    std::uint32_t flags = 0, op = 0, enable = 0x18, mask = 0, clear = 0, status = 0, words = 2, offset = 0;
    std::uint64_t byte = 0;
  };

  Sketch() {
    graph.tables(0, {Table(), tensor(3, 0, 1, {1, 4}, "x").list<float>(10, {0.5f}).ints(11, {3}),
                     tensor(3, 0, 2, {1, 4}, "y").list<float>(10, {0.25f}).ints(11, {0}).scalar(12, 4).scalar(13, 64),
                     tensor(6, 0, 4, {2}, "w").scalar(18, 1), tensor(13, 0, 9, {}, "regcmd").scalar(18, 2),
                     tensor(13, 0, 10, {}, "task").scalar(18, 3)});
    graph.tables(1, {Table()
                         .text(1, "Add")
                         .text(2, "Add:a")
                         .scalar(3, std::int8_t{2})
                         .ints(4, {1, 3})
                         .ints(5, {2})
                         .ints(10, {1, 0})
                         .ints(11, {0, 0})});
    graph.ints(2, {1}).ints(3, {2});
    graph.tables(7, {Table().text(0, "y").list<std::uint64_t>(1, {std::uint64_t{1} << 32 | 16})});
    model.scalar(0, 6).text(1, "RKNPU v2").text(7, "2.3.2").text(8, "rk3588").text(9, "ONNX").text(14, "0");
    buffers = {buffer({}), buffer({1, 0, 0, 0, 2, 0, 0, 0}),
               buffer_of<std::uint64_t>({0x1001'0000'0007'4004, 0x1001'0000'0000'4020}), buffer_of<Record>({{}})};
  }
  template <class T>
  static Table buffer_of(const std::vector<T>& items) {
    FileBytes bytes;
    for (const auto& item : items) append(bytes, item);
    return Table().list(0, bytes);
  }
  Table& tensor_at(std::size_t i) { return graph.tables(0)[i]; }
  Table& node() { return graph.tables(1)[0]; }
  FileBytes bytes() {
    Table m = model;
    m.tables(2, {graph}).tables(20, buffers);
    return container(6, flat_buffer(m));
  }

  Table model, graph;
  Table::Tables buffers;
};

}  // namespace ez_rknn::test
