#pragma once
/// Python values as option values; what they mean is decided by the engine's table.
#include <nanobind/nanobind.h>

#include "ez_rknn/options.hpp"

namespace ez_rknn::python {

OptionValue option_value(nanobind::handle value);
/// @throws InvalidArgument
SessionOptions session_options(nanobind::dict options);

}  // namespace ez_rknn::python
