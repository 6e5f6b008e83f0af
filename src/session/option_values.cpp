#include "session/option_values.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace ez_rknn {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// Control characters as escapes: a zero byte would end the message.
std::string printable(std::string_view text) {
  std::string s;
  for (const char c : text) {
    char escaped[8] = {c};
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(c));
    s += escaped;
  }
  return s;
}

OptionValue widened(const OptionScalar& scalar) {
  return std::visit([](const auto& v) { return OptionValue(v); }, scalar);
}

}  // namespace

std::string lower(std::string_view text) {
  std::string s(text);
  for (char& c : s)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return s;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::int64_t> as_integer(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::optional<std::int64_t> as_integer(const OptionValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? 1 : 0;
  if (const auto* n = std::get_if<std::int64_t>(&value)) return *n;
  if (const auto* s = std::get_if<std::string>(&value)) return as_integer(std::string_view(*s));
  return std::nullopt;
}

std::optional<bool> as_bool(const OptionValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b;
  if (const auto* n = std::get_if<std::int64_t>(&value)) return *n != 0;
  const auto* s = std::get_if<std::string>(&value);
  const std::string text = s ? lower(trimmed(*s)) : "";
  if (text == "1" || text == "true" || text == "on" || text == "yes") return true;
  if (text == "0" || text == "false" || text == "off" || text == "no") return false;
  return std::nullopt;
}

std::optional<std::string> as_text(const OptionValue& value) {
  if (const auto* s = std::get_if<std::string>(&value)) return *s;
  return std::nullopt;
}

std::optional<std::vector<std::string>> as_texts(const OptionValue& value) {
  if (auto one = as_text(value)) return std::vector{*one};
  const auto* list = std::get_if<std::vector<OptionScalar>>(&value);
  if (!list) return std::nullopt;
  std::vector<std::string> texts;
  for (const OptionScalar& item : *list) {
    const auto* s = std::get_if<std::string>(&item);
    if (!s) return std::nullopt;
    texts.push_back(*s);
  }
  return texts;
}

std::optional<std::vector<std::int64_t>> as_integers(const OptionValue& value) {
  std::vector<std::int64_t> numbers;
  if (const auto* s = std::get_if<std::string>(&value)) {
    std::string text = *s;
    for (char& c : text)
      if (c == ',' || c == '[' || c == ']' || kBlank.find(c) != kBlank.npos) c = ' ';
    for (std::string_view rest = trimmed(text); !rest.empty();) {
      const std::string_view token = rest.substr(0, rest.find(' '));
      const auto n = as_integer(token);
      if (!n) return std::nullopt;
      numbers.push_back(*n);
      rest = trimmed(rest.substr(token.size()));
    }
    return numbers;
  }
  if (const auto* list = std::get_if<std::vector<OptionScalar>>(&value)) {
    for (const OptionScalar& item : *list) {
      const auto n = as_integer(widened(item));
      if (!n) return std::nullopt;
      numbers.push_back(*n);
    }
    return numbers;
  }
  if (const auto n = as_integer(value)) return std::vector{*n};
  return std::nullopt;
}

std::string shown(const OptionValue& value) {
  return std::visit(Overloaded{
                        [](bool b) -> std::string { return b ? "True" : "False"; },
                        [](std::int64_t n) { return std::to_string(n); },
                        [](const std::string& s) { return '"' + printable(s) + '"'; },
                        [](const OtherValue& o) { return printable(o.text); },
                        [](const std::vector<OptionScalar>& list) {
                          std::string s = "[";
                          for (const auto& item : list) s += (s.size() > 1 ? ", " : "") + shown(widened(item));
                          return s + "]";
                        },
                    },
                    value);
}

}  // namespace ez_rknn
