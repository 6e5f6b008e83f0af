#pragma once
#include <nanobind/nanobind.h>

#include "ez_rknn/session.hpp"

namespace ez_rknn::python {

/// Adds the class `Session` to the module: the engine as the Python package uses it.
void bind_session(nanobind::module_& m);
/// The engine's session behind an object of that class. @throws InvalidType
Session& session_of(nanobind::handle object);

}  // namespace ez_rknn::python
