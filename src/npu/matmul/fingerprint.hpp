#pragma once
/// A 64-bit fingerprint of memory, to notice that B has changed since it was packed. Not for adversaries.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/team.hpp"

namespace ez_rknn::npu::matmul {

std::uint64_t fingerprint(std::span<const std::byte> bytes, Team& team);

}  // namespace ez_rknn::npu::matmul
