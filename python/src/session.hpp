#pragma once
#include <nanobind/nanobind.h>

namespace ez_rknn::python {

/// Adds the class `Session` to the module: the engine as the Python package uses it.
void bind_session(nanobind::module_& m);

}  // namespace ez_rknn::python
