#pragma once
/// OW, what is added to the weights of a channel: minus their zero point.
#include <cstdint>

namespace ez_rknn::npu {

/// As files hold it, in 16 bits. The least value stands for its own negative: weights that are all positive have the
/// zero point -32768 in 16-bit networks, while OW is never below -32767.
constexpr std::int32_t offset_weight(std::int16_t code) { return code == INT16_MIN ? -std::int32_t{code} : code; }

}  // namespace ez_rknn::npu
