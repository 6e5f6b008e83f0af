/// Provider options from text: "name=value" lines; a value in brackets is a list, one of digits an integer. Also the
/// version text of a runtime. Valid options or InvalidArgument, nothing else; and what is accepted is valid.
#include <cstdio>
#include <cstdlib>

#include "ez_rknn/error.hpp"
#include "session/model_info.hpp"
#include "session/option_values.hpp"

namespace {

using namespace ez_rknn;

OptionScalar scalar(std::string_view text) {
  if (text == "True" || text == "False") return text == "True";
  if (text.starts_with('#')) return as_integer(text.substr(1)).value_or(0);
  if (text.starts_with('?')) return OtherValue{std::string(text)};
  return std::string(text);
}

OptionValue value_of(std::string_view text) {
  if (!text.starts_with('(')) return std::visit([](const auto& v) { return OptionValue(v); }, scalar(text));
  std::vector<OptionScalar> list;
  for (text.remove_prefix(1); !text.empty();) {
    const auto end = std::min(text.find(';'), text.size());
    list.push_back(scalar(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  is_older_than_the_interface(std::string(text));
  std::vector<NamedOption> options;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    const auto equals = std::min(line.find('='), line.size());
    options.push_back({std::string(line.substr(0, equals)), value_of(line.substr(std::min(equals + 1, line.size())))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  try {
    validate(parse_options(options));
  } catch (const InvalidArgument& e) {
    if (std::string_view(e.what()).find("accepted") == std::string_view::npos &&
        std::string_view(e.what()).find("exclude") == std::string_view::npos) {
      std::fprintf(stderr, "options_fuzz: a refusal that does not say what is accepted: %s\n", e.what());
      std::abort();
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "options_fuzz: another exception: %s\n", e.what());
    std::abort();
  }
  return 0;
}
