#pragma once
/// The contexts of rknn_matmul_create, as far as other functions meet them.
#include "abi/rknn.h"

namespace ez_rknn::npurt {

bool is_matmul_context(rknn_context handle);

}  // namespace ez_rknn::npurt
