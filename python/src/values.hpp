#pragma once
/// Values and bindings as the package uses them. Element types are named as numpy does, "float32".
#include <nanobind/nanobind.h>

#include <optional>
#include <string>

#include "ez_rknn/tensor.hpp"

namespace ez_rknn::python {

void bind_values(nanobind::module_& m);
void bind_bindings(nanobind::module_& m);

/// @throws InvalidType
ElementType element_type_of(const std::string& name);
std::optional<ElementType> element_type_of(const std::optional<std::string>& name);

}  // namespace ez_rknn::python
