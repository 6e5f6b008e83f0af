#pragma once
/// What a caller may ask for with rknn_core_mask.
#include <string_view>

#include "abi/rknn.h"

namespace ez_rknn::npurt {

/// The cores of a mask, bit c: core c; 0: any one that is idle.
/// @throws Refusal  -13 on a chip with one core, -5 for a combination the chip does not have
unsigned cores_of(rknn_core_mask mask, std::string_view chip, int cores);

}  // namespace ez_rknn::npurt
