#pragma once
/// Text of a file as an error message may hold it: short, printable ASCII.
#include <cstdio>
#include <string>
#include <string_view>

namespace ez_rknn::file {

inline std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 80;
  std::string s;
  for (const char c : text.substr(0, kMost)) {
    char escaped[8] = {c};
    if (c < ' ' || c > '~') std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
    s += escaped;
  }
  return text.size() > kMost ? s + "..." : s;
}

}  // namespace ez_rknn::file
