#pragma once
/// Text between C++ and Python, for messages. Neither side's text need be UTF-8 (file names, lone surrogates): what is
/// not shows as an escape instead of becoming an error about the error.
#include <nanobind/nanobind.h>

#include <string>
#include <string_view>

namespace ez_rknn::python {

inline nanobind::object to_str(std::string_view text) {
  auto s = nanobind::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
  if (!s.is_valid()) throw nanobind::python_error();
  return s;
}

namespace detail {
inline std::string utf8(PyObject* text) {
  const auto s = nanobind::steal(text);
  const auto bytes =
      nanobind::steal(s.is_valid() ? PyUnicode_AsEncodedString(s.ptr(), "utf-8", "backslashreplace") : nullptr);
  if (bytes.is_valid()) return {PyBytes_AsString(bytes.ptr()), static_cast<std::size_t>(PyBytes_Size(bytes.ptr()))};
  PyErr_Clear();
  return "(not printable)";
}
}  // namespace detail

/// str(value), repr(value), type(value).__name__
inline std::string str_of(nanobind::handle value) { return detail::utf8(PyObject_Str(value.ptr())); }
inline std::string repr_of(nanobind::handle value) { return detail::utf8(PyObject_Repr(value.ptr())); }
inline std::string type_of(nanobind::handle value) {
  return detail::utf8(PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(value.ptr())), "__name__"));
}

}  // namespace ez_rknn::python
