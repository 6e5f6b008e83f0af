#pragma once
/// Reading loosely typed option values. Every reader returns nothing when the value is not of its kind.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ez_rknn/options.hpp"

namespace ez_rknn {

std::string lower(std::string_view text);
std::string_view trimmed(std::string_view text);

/// An integer, a bool, or an integer as text (outer blanks allowed).
std::optional<std::int64_t> as_integer(const OptionValue& value);
std::optional<std::int64_t> as_integer(std::string_view text);
/// true/false, on/off, yes/no, 1/0 in any case, or an integer (0 is false).
std::optional<bool> as_bool(const OptionValue& value);
std::optional<std::string> as_text(const OptionValue& value);
/// One text or a list of texts.
std::optional<std::vector<std::string>> as_texts(const OptionValue& value);
/// An integer, a list of integers or integer texts, or a text of integers between commas, blanks and brackets.
std::optional<std::vector<std::int64_t>> as_integers(const OptionValue& value);

/// The value as an error message shows it.
std::string shown(const OptionValue& value);

}  // namespace ez_rknn
