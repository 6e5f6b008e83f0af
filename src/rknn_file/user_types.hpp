#pragma once
/// The JSON text {"name": {"dtype": "int8", "layout": "NHWC"}} in which a file says what its user asked for.
#include <map>
#include <string>
#include <string_view>

#include "rknn_file/model.hpp"

namespace ez_rknn::file {

/// Informational: text that is not of this form gives what could be read before it, never an error.
std::map<std::string, UserTensorType> read_user_types(std::string_view json);

}  // namespace ez_rknn::file
