#pragma once
/// The engine's exceptions as the classes of ez_rknn_async.errors.
#include <nanobind/nanobind.h>

#include <exception>
#include <string>

namespace ez_rknn::python {

/// From now on every ez_rknn::Error that leaves a bound function becomes its Python class.
void translate_errors();

/// The Python exception that stands for it. The GIL is held.
nanobind::object exception_of(const std::exception_ptr& error);
/// "" for no error; the text of the exception otherwise.
std::string text_of(const std::exception_ptr& error);

}  // namespace ez_rknn::python
