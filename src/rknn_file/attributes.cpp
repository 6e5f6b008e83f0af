/// Reading attributes: typed access for the users of a Model.
#include <cmath>

#include "ez_rknn/error.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::file {
namespace {

const char* type_name(const Attribute& a) {
  static constexpr const char* kNames[] = {"an integer",         "a real number",          "a string",
                                           "a list of integers", "a list of real numbers", "a list of strings"};
  return kNames[a.index()];
}

[[noreturn]] void wrong_type(const Attributes& all, std::string_view name, const Attribute& found, const char* wanted) {
  throw ModelError(all.file_offset,
                   "attribute " + std::string(name) + " is " + type_name(found) + ", " + wanted + " is expected");
}

const Attribute* find(const Attributes& all, std::string_view name) {
  const auto it = all.values.find(name);
  return it == all.values.end() ? nullptr : &it->second;
}

}  // namespace

std::int64_t Attributes::integer(std::string_view name, std::int64_t fallback) const {
  const auto* a = find(*this, name);
  if (!a) return fallback;
  if (const auto* v = std::get_if<std::int64_t>(a)) return *v;
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(a); v && v->size() == 1) return v->front();
  wrong_type(*this, name, *a, "an integer");
}

double Attributes::real(std::string_view name, double fallback) const {
  const auto* a = find(*this, name);
  if (!a) return fallback;
  if (const auto* v = std::get_if<double>(a)) return *v;
  if (const auto* v = std::get_if<std::int64_t>(a)) return static_cast<double>(*v);
  if (const auto* v = std::get_if<std::vector<double>>(a); v && v->size() == 1) return v->front();
  wrong_type(*this, name, *a, "a real number");
}

std::string Attributes::text(std::string_view name, std::string_view fallback) const {
  const auto* a = find(*this, name);
  if (!a) return std::string(fallback);
  if (const auto* v = std::get_if<std::string>(a)) return *v;
  if (const auto* v = std::get_if<std::vector<std::string>>(a); v && v->size() == 1) return v->front();
  wrong_type(*this, name, *a, "a string");
}

std::vector<std::int64_t> Attributes::integers(std::string_view name, std::vector<std::int64_t> fallback) const {
  const auto* a = find(*this, name);
  if (!a) return fallback;
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(a)) return *v;
  if (const auto* v = std::get_if<std::int64_t>(a)) return {*v};
  wrong_type(*this, name, *a, "a list of integers");
}

bool Normalisation::is_identity() const {
  for (const float m : mean)
    if (m != 0) return false;
  for (const float s : std)
    if (s != 1) return false;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<std::int32_t>(i)) return false;
  return true;
}

}  // namespace ez_rknn::file
