#pragma once
#include <nanobind/nanobind.h>

#include <utility>

namespace ez_rknn::python {

/// dict(...) of Python: dict_of("a"_a = 1, "b"_a = 2), dict_of(mapping)
template <class... Args>
nanobind::dict dict_of(Args&&... args) {
  const nanobind::handle type(reinterpret_cast<PyObject*>(&PyDict_Type));
  return nanobind::cast<nanobind::dict>(type(std::forward<Args>(args)...));
}

}  // namespace ez_rknn::python
