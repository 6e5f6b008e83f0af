#include "npurt/core_mask.hpp"

#include <string>

#include "npurt/guard.hpp"

namespace ez_rknn::npurt {

unsigned cores_of(rknn_core_mask core_mask, std::string_view chip, int cores) {
  const auto mask = static_cast<unsigned>(core_mask);
  const unsigned all = (1u << cores) - 1;
  const std::string text = "core mask " + std::to_string(mask);
  // A caller finds out by asking how many cores there are: the code is the answer, not an error to the user.
  if (cores == 1)
    refuse(RKNN_ERR_TARGET_PLATFORM_UNMATCH, text + ": " + std::string(chip) + " has one core and no choice of cores",
           log::Level::info);
  if (mask == RKNN_NPU_CORE_ALL) return all;
  // Cores work together as 0_1 or as all three, in no other combination.
  const bool known = mask == RKNN_NPU_CORE_AUTO || mask == RKNN_NPU_CORE_0 || mask == RKNN_NPU_CORE_1 ||
                     mask == RKNN_NPU_CORE_2 || mask == RKNN_NPU_CORE_0_1 || mask == RKNN_NPU_CORE_0_1_2;
  if (!known || (mask & ~all))
    refuse(RKNN_ERR_PARAM_INVALID,
           text + " is not possible on " + std::string(chip) + ", which has " + std::to_string(cores) +
               " cores; one of them, 3" + (cores == 3 ? ", 7" : "") + ", 0 (automatic) or 65535 (all) is accepted",
           log::Level::info);
  return mask;
}

}  // namespace ez_rknn::npurt
