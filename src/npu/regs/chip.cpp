#include "npu/regs/chip.hpp"

#include <algorithm>
#include <array>

namespace ez_rknn::npu {
namespace {

constexpr std::array<Chip, 10> kChips = {{
    // name       family    cores c2 table pair config algo
    {"rk3588", Family::a, 3, 16, 8, 0, false, 16},
    {"rk3566", Family::a, 1, 8, 4, 0, false, 2},
    {"rk3568", Family::a, 1, 8, 4, 0, false, 2},
    {"rk3562", Family::b, 1, 16, 4, 2, false, 16},
    {"rk3576", Family::b, 2, 16, 8, 2, true, 16},
    {"rv1126b", Family::b, 1, 16, 8, 2, true, 16},
    {"rv1103", Family::c, 1, 16, 4, 1, false, 16},
    {"rv1106", Family::c, 1, 16, 4, 1, false, 16},
    {"rv1103b", Family::d, 1, 16, 4, 8, false, 16},
    {"rv1106b", Family::d, 1, 16, 4, 8, false, 16},
}};

}  // namespace

const Chip* find_chip(std::string_view target) {
  const auto* it = std::find_if(kChips.begin(), kChips.end(), [&](const Chip& c) { return c.name == target; });
  return it == kChips.end() ? nullptr : it;
}

std::string_view known_chips() {
  return "rk3588, rk3566, rk3568, rk3562, rk3576, rv1126b, rv1103, rv1106, rv1103b, rv1106b";
}

}  // namespace ez_rknn::npu
