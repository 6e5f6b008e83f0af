#pragma once
/// A file's values as Python objects.
#include <nanobind/nanobind.h>

#include <string>

#include "rknn_file/model.hpp"

namespace ez_rknn::python {

/// Text of a file may be anything: what is not UTF-8 shows as U+FFFD instead of failing the call.
inline nanobind::object text(const std::string& s) {
  return nanobind::steal(PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "replace"));
}

template <class T>
nanobind::list list_of(const T& values) {
  nanobind::list l;
  for (const auto& v : values) l.append(v);
  return l;
}

inline const char* layout_name(const file::Tensor& t) {
  switch (t.layout) {
    case file::Layout::feature: return "NC1HWC2";
    case file::Layout::weight: return "packed";
    default: return t.shape.rank() == 4 ? "NCHW" : "dense";
  }
}

}  // namespace ez_rknn::python
