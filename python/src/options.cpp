#include "options.hpp"

#include "ez_rknn/error.hpp"
#include "text.hpp"

namespace nb = nanobind;

namespace ez_rknn::python {
namespace {

/// bool, anything with __index__ (numpy integers too), str, os.PathLike; else its repr.
OptionScalar scalar(nb::handle value) {
  PyObject* p = value.ptr();
  if (PyBool_Check(p)) return p == Py_True;
  if (PyIndex_Check(p)) {
    const nb::object number = nb::steal(PyNumber_Index(p));
    int overflow = 0;
    const long long n = number.is_valid() ? PyLong_AsLongLongAndOverflow(number.ptr(), &overflow) : 0;
    if (number.is_valid() && !overflow) return static_cast<std::int64_t>(n);
    PyErr_Clear();
    return OtherValue{repr_of(value)};
  }
  if (PyUnicode_Check(p) || nb::hasattr(value, "__fspath__")) {
    const nb::object path = nb::steal(PyOS_FSPath(p));
    if (path.is_valid() && PyUnicode_Check(path.ptr())) {
      Py_ssize_t size = 0;
      if (const char* text = PyUnicode_AsUTF8AndSize(path.ptr(), &size))
        return std::string(text, static_cast<std::size_t>(size));
    }
    PyErr_Clear();
  }
  return OtherValue{repr_of(value)};
}

}  // namespace

OptionValue option_value(nb::handle value) {
  PyObject* p = value.ptr();
  // numpy's bool has no __index__; a 0-d array is a number, not a list.
  if (!PyType_Check(p) && nb::hasattr(value, "dtype") && nb::hasattr(value, "ndim") &&
      nb::object(value.attr("ndim")).equal(nb::int_(0)))
    return std::visit([](auto&& v) { return OptionValue(std::move(v)); }, scalar(value.attr("item")()));
  // A set or a dict has no order and is not taken for a list; bytes are no text.
  const bool list = PySequence_Check(p) && !PyUnicode_Check(p) && !PyBytes_Check(p) && !PyByteArray_Check(p);
  if (list) {
    std::vector<OptionScalar> items;
    for (nb::handle item : value) items.push_back(scalar(item));
    return items;
  }
  return std::visit([](auto&& v) { return OptionValue(std::move(v)); }, scalar(value));
}

SessionOptions session_options(nb::dict options) {
  std::vector<NamedOption> named;
  for (auto [key, value] : options) {
    if (!nb::isinstance<nb::str>(key))
      throw InvalidType(std::string("provider option names are text; given: ") + repr_of(key));
    named.push_back({str_of(key), option_value(value)});
  }
  return parse_options(named);
}

}  // namespace ez_rknn::python
