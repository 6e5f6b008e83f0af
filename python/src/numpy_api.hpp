#pragma once
/// The part of numpy's C interface that is used here, found at run time: neither building nor the choice of a numpy
/// version depends on its headers. An array that goes through the interpreter instead costs a microsecond more.
#include <nanobind/nanobind.h>

#include <optional>

#include "ez_rknn/tensor.hpp"

namespace ez_rknn::python {

/// What an ndarray (or a subclass) says about itself. Valid as long as the array and its shape are.
struct ArrayFacts {
  void* data;
  std::optional<ElementType> type;  ///< nothing: none that run() takes, or in the other byte order
  std::span<const Py_ssize_t> shape;
  bool dense;  ///< row-major, without gaps
};

bool is_ndarray(nanobind::handle value);
/// @param array  is_ndarray
ArrayFacts facts_of(nanobind::handle array);

/// A dense, writable array over `data`, which `owner` keeps alive. @throws Unsupported for a type that numpy lacks
nanobind::object make_array(ElementType type, const Shape& shape, void* data, nanobind::object owner);

}  // namespace ez_rknn::python
