#pragma once
#include <nanobind/nanobind.h>

#include <utility>

namespace ez_rknn::python {

/// dict_of("a"_a = 1, "b"_a = 2)
template <class... Named>
nanobind::dict dict_of(Named&&... named) {
  const nanobind::handle type(reinterpret_cast<PyObject*>(&PyDict_Type));
  return nanobind::cast<nanobind::dict>(type(std::forward<Named>(named)...));
}

}  // namespace ez_rknn::python
