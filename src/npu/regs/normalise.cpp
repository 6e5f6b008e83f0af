#include "npu/regs/normalise.hpp"

#include <bit>
#include <string>

#include "ez_rknn/error.hpp"
#include "npu/regs/fields.hpp"

namespace ez_rknn::npu {
namespace {

constexpr std::uint32_t kEnableDpu = 1u << 3, kEnablePpu = 1u << 5;

/// Where the family keeps its addresses.
struct AddressMap {
  std::uint16_t feature, weights, destination;
};
constexpr AddressMap map_of(Family family) {
  switch (family) {
    case Family::a:
    case Family::c: return {0x1070, 0x1110, 0x4020};
    case Family::b: return {0x1088, 0x1110, 0x4018};
    case Family::d: return {0x1034, 0x1038, 0x4010};
  }
  return {};
}

/// fp16 look-ups on RK3566 end in a PPU behind the DPU: a 1x1 "average" whose two reciprocals, f16 362.0 each, make the
/// factor 2^-15.
float chained_ppu(const Fields& f) {
  if (!(f.regs.enable & kEnableDpu) || !(f.regs.enable & kEnablePpu)) return 1.0f;
  if (f[0x6034] & 0xf0f) f.refuse(0x6034, 0, 11, "a pooling kernel in a PPU chained behind the DPU");
  if (!f.real) f.refuse(0x6038, 0, 16, "a PPU chained behind an integer DPU");
  const float width = f.short_real(f[0x6038]);
  const float height = f.short_real(f[0x603c]);
  return width * height / 4294967296.0f;
}

/// Every compiler seen writes the slope of a bfloat16 network as f16.
void read_slope_as_half(std::optional<Stage>& s) {
  if (!s || !s->prelu || !s->mul || s->mul_operand.table) return;
  s->mul_operand.real =
      half_to_float(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(s->mul_operand.real) >> 16));
}

}  // namespace

Arithmetic normalise(const Chip& chip, const file::Graph& graph, const TaskRegisters& regs, bool real) {
  const Fields f{chip, regs, real};
  Arithmetic a;
  a.real = real, a.brain = f.brain();
  const AddressMap map = map_of(chip.family);
  a.feature = regs.address(map.feature);
  a.weights = regs.address(map.weights);
  if (!(regs.enable & kEnableDpu) && regs.enable & kEnablePpu) {  // pooling: nothing but a source and a destination
    a.source = regs.address(0x701c);
    a.destination = regs.address(0x6070);
    return a;
  }
  a.source = regs.address(0x5018);
  a.operand = regs.address(0x5038);
  a.destination = regs.address(map.destination);
  if (!a.destination) a.destination = regs.address(0x6070);
  switch (chip.family) {
    case Family::a: normalise_a(f, a); break;
    case Family::b: normalise_b(f, graph, a); break;
    case Family::c: normalise_c(f, a); break;
    case Family::d: normalise_d(f, a); break;
  }
  if (a.brain) read_slope_as_half(a.bs), read_slope_as_half(a.bn);
  a.ppu_scale = chained_ppu(f);
  return a;
}

}  // namespace ez_rknn::npu
