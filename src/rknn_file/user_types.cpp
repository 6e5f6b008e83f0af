#include "rknn_file/user_types.hpp"

#include <optional>

namespace ez_rknn::file {
namespace {

class Json {
 public:
  explicit Json(std::string_view text) : text_(text) {}

  bool eat(char c) {
    while (!text_.empty() &&
           (text_.front() == ' ' || text_.front() == '\n' || text_.front() == '\t' || text_.front() == '\r'))
      text_.remove_prefix(1);
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::optional<std::string> string() {
    if (!eat('"')) return std::nullopt;
    std::string s;
    while (!text_.empty()) {
      const char c = take();
      if (c == '"') return s;
      if (c != '\\') s += c;
      else if (!escape(s)) return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  char take() {
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  bool escape(std::string& s) {
    if (text_.empty()) return false;
    switch (const char c = take()) {
      case 'b': s += '\b'; return true;
      case 'f': s += '\f'; return true;
      case 'n': s += '\n'; return true;
      case 'r': s += '\r'; return true;
      case 't': s += '\t'; return true;
      case 'u': return unicode(s);
      default: s += c; return c == '"' || c == '\\' || c == '/';
    }
  }
  std::optional<unsigned> hex4() {
    unsigned v = 0;
    for (int i = 0; i < 4; ++i) {
      if (text_.empty()) return std::nullopt;
      const char c = take();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return std::nullopt;
      v = v << 4 | static_cast<unsigned>(digit);
    }
    return v;
  }
  /// \uXXXX, or two of them where the character is beyond U+FFFF, as UTF-8.
  bool unicode(std::string& s) {
    auto code = hex4();
    if (!code) return false;
    if (*code >= 0xd800 && *code < 0xdc00) {
      if (text_.substr(0, 2) != "\\u") return false;
      text_.remove_prefix(2);
      const auto low = hex4();
      if (!low || *low < 0xdc00 || *low > 0xdfff) return false;
      code = 0x10000 + ((*code - 0xd800) << 10) + (*low - 0xdc00);
    }
    const auto put = [&](unsigned byte) { s += static_cast<char>(byte); };
    const auto tail = [&](int shift) { put(0x80 | (*code >> shift & 0x3f)); };
    if (*code < 0x80) put(*code);
    else if (*code < 0x800) put(0xc0 | *code >> 6), tail(0);
    else if (*code < 0x10000) put(0xe0 | *code >> 12), tail(6), tail(0);
    else put(0xf0 | *code >> 18), tail(12), tail(6), tail(0);
    return true;
  }

  std::string_view text_;
};

/// {"key": "value", ...}
bool read_type(Json& j, UserTensorType& out) {
  if (!j.eat('{')) return false;
  if (j.eat('}')) return true;
  do {
    const auto key = j.string();
    if (!key || !j.eat(':')) return false;
    const auto value = j.string();
    if (!value) return false;
    if (*key == "dtype") out.dtype = *value;
    if (*key == "layout") out.layout = *value;
  } while (j.eat(','));
  return j.eat('}');
}

}  // namespace

std::map<std::string, UserTensorType> read_user_types(std::string_view json) {
  std::map<std::string, UserTensorType> types;
  Json j(json);
  if (!j.eat('{')) return types;
  do {
    const auto name = j.string();
    UserTensorType type;
    if (!name || !j.eat(':') || !read_type(j, type)) break;
    types.insert_or_assign(*name, type);
  } while (j.eat(','));
  return types;
}

}  // namespace ez_rknn::file
