#include "rknn_file/bson.hpp"

#include "rknn_file/shown.hpp"

namespace ez_rknn::file {
namespace {

enum Element : std::uint8_t {
  kEnd = 0,
  kDouble = 1,
  kString = 2,
  kDocument = 3,
  kArray = 4,
  kBool = 8,
  kInt32 = 16,
  kInt64 = 18
};

/// One document (or array: a document whose names are indices), element by element.
class Cursor {
 public:
  explicit Cursor(const ByteReader& document) : r_(document) {
    const auto n = r_.get<std::int32_t>(0, "BSON document length");
    if (n < 5 || static_cast<std::uint64_t>(n) > r_.size()) fail("BSON document of an impossible length");
    end_ = static_cast<std::uint64_t>(n) - 1;
    if (r_.get<std::uint8_t>(end_, "BSON document end") != kEnd) fail("BSON document without its end mark");
  }
  bool next() {
    if (at_ >= end_) return false;
    type = r_.get<std::uint8_t>(at_++, "BSON element type");
    if (type == kEnd) fail("BSON document ends before its length");
    const auto start = at_;
    while (r_.get<char>(at_, "BSON element name") != 0) ++at_;
    name = text(start, at_ - start);
    ++at_;
    return true;
  }
  std::int64_t integer() {
    switch (type) {
      case kInt32: return take<std::int32_t>();
      case kInt64: return take<std::int64_t>();
      case kBool: return take<std::uint8_t>() != 0;
      default: fail("BSON integer expected");
    }
  }
  double real() { return take<double>(); }
  std::string_view string() {
    const auto n = take<std::int32_t>();
    if (n < 1 || !r_.contains(at_, static_cast<std::uint64_t>(n))) fail("BSON string of an impossible length");
    const auto s = text(at_, static_cast<std::uint64_t>(n) - 1);
    at_ += static_cast<std::uint64_t>(n);
    return s;
  }
  ByteReader document() {
    const auto n = r_.get<std::int32_t>(at_, "BSON document length");
    if (n < 5 || !r_.contains(at_, static_cast<std::uint64_t>(n))) fail("BSON document of an impossible length");
    const ByteReader d(r_.bytes().subspan(at_, static_cast<std::uint64_t>(n)), r_.base() + at_);
    at_ += static_cast<std::uint64_t>(n);
    return d;
  }
  [[noreturn]] void fail(const std::string& why) const { throw ModelError(r_.base() + at_, why); }
  std::uint64_t file_offset() const { return r_.base() + at_; }

  std::uint8_t type = kEnd;
  std::string_view name;

 private:
  template <class T>
  T take() {
    const T v = r_.get<T>(at_, "BSON value");
    at_ += sizeof(T);
    return v;
  }
  std::string_view text(std::uint64_t at, std::uint64_t n) const {
    return {reinterpret_cast<const char*>(r_.bytes().data()) + at, static_cast<std::size_t>(n)};
  }
  ByteReader r_;
  std::uint64_t at_ = 4, end_ = 0;
};

Attribute list_of(Cursor c) {
  std::vector<std::int64_t> integers;
  std::vector<double> reals;
  std::vector<std::string> strings;
  while (c.next()) {
    if (c.type == kDouble) reals.push_back(c.real());
    else if (c.type == kString) strings.emplace_back(c.string());
    else integers.push_back(c.integer());
    if (!integers.empty() + !reals.empty() + !strings.empty() > 1) c.fail("BSON list of mixed types");
  }
  if (!reals.empty()) return reals;
  if (!strings.empty()) return strings;
  return integers;
}

Attribute value_of(Cursor& c) {
  switch (c.type) {
    case kDouble: return c.real();
    case kString: return std::string(c.string());
    case kArray: return list_of(Cursor(c.document()));
    case kBool:
    case kInt32:
    case kInt64: return c.integer();
    default: c.fail("BSON value of type " + std::to_string(c.type) + ", which no attribute has");
  }
}

}  // namespace

bool is_bson(const ByteReader& bytes) {
  if (bytes.size() < 5 || bytes.get<std::uint32_t>(0, "attribute bytes") != bytes.size()) return false;
  // Left-over memory may begin with its length too, but its first element is then no attribute.
  const auto first = bytes.get<std::uint8_t>(4, "attribute bytes");
  return first == kDocument || (first == kEnd && bytes.size() == 5);
}

void read_bson_attributes(const ByteReader& bytes, Budget& budget, Attributes& out) {
  budget.charge(bytes.size() * 8, "attributes", bytes.base());  // a one-byte value may become a 32-byte string
  for (Cursor attributes(bytes); attributes.next();) {
    if (attributes.type != kDocument) attributes.fail("BSON attribute that is not a document");
    std::optional<Attribute> value;
    for (Cursor parts(attributes.document()); parts.next();) {
      if (parts.name == "value") value = value_of(parts);
      else if (parts.type == kString) parts.string();  // "dtype": says what the value's own type says
      else parts.fail("BSON attribute part \"" + shown(parts.name) + "\" is not understood");
    }
    if (!value) attributes.fail("BSON attribute without a value");
    out.values.insert_or_assign(std::string(attributes.name), std::move(*value));
  }
}

}  // namespace ez_rknn::file
