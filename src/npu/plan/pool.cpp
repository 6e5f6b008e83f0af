#include <algorithm>
#include <cmath>

#include "core/fp16.hpp"
#include "ez_rknn/error.hpp"
#include "npu/plan/builder.hpp"
#include "npu/plan/steps.hpp"

namespace ez_rknn::npu::plan {
namespace {

std::vector<std::int64_t> numbers(const file::Node& node, const char* name, std::vector<std::int64_t> fallback,
                                  std::int64_t least) {
  const auto count = fallback.size();
  auto v = node.attributes.integers(name, fallback);
  if (v.empty()) v = std::move(fallback);  // some files have the list, with nothing in it
  if (v.size() < count)
    throw ModelError(0, "attribute " + std::string(name) + " needs " + std::to_string(count) + " numbers");
  constexpr std::int64_t kMost = 1 << 16;
  for (auto x : v)
    if (x < least || x > kMost) throw ModelError(0, "attribute " + std::string(name) + ": " + std::to_string(x));
  return v;
}

kernels::PoolShape pool_shape(const file::Node& node, const Slot& in, const Slot& out) {
  kernels::PoolShape s;
  s.kind = node.type == "MaxPool" ? kernels::PoolShape::Kind::max : kernels::PoolShape::Kind::average;
  s.type = in.dtype, s.channels = in.channels();
  s.in_h = in.height(), s.in_w = in.width(), s.out_h = out.height(), s.out_w = out.width();
  const auto set = [&](const char* name, int fallback, int least, int& h, int& w) {
    const auto v = numbers(node, name, {fallback, fallback}, least);
    h = static_cast<int>(v[0]), w = static_cast<int>(v[1]);
  };
  if (!node.attributes.has("kernel_shape")) throw ModelError(0, "attribute kernel_shape is missing");
  set("kernel_shape", 1, 1, s.kernel_h, s.kernel_w);
  set("strides", 1, 1, s.stride_h, s.stride_w);
  set("dilations", 1, 1, s.dilation_h, s.dilation_w);
  const auto pads = numbers(node, "pads", {0, 0}, 0);
  s.pad_top = static_cast<int>(pads[0]), s.pad_left = static_cast<int>(pads[1]);
  if (s.pad_top >= s.kernel_h * s.dilation_h || s.pad_left >= s.kernel_w * s.dilation_w)
    throw Unsupported("padding as wide as the kernel");
  return s;
}

/// The PPU's own numbers: reciprocals, 65536/k as an integer or a half, and the value padding counts with: 35
/// bits in two registers on RK3588; 19 bits elsewhere, where the registers behind it hold its multiples.
void average_by_registers(const Chip& chip, const TaskRegisters& r, DType type, kernels::PoolShape& s) {
  const auto reciprocal = [&](std::uint16_t reg, int kernel) {
    if (type == DType::bf16) return 1.0 / kernel;  // the compiler leaves the registers as they are
    const auto raw = r[reg];
    const double v = type == DType::f16 ? static_cast<double>(half_to_float(static_cast<std::uint16_t>(raw)))
                                        : static_cast<double>(raw);
    // 65536 is more than a half holds: a side of 1 is compiled to infinity.
    return std::isfinite(v) ? v / 65536.0 : 1.0 / kernel;
  };
  s.reciprocal_w = reciprocal(0x6038, s.kernel_w), s.reciprocal_h = reciprocal(0x603c, s.kernel_h);
  const bool wide = chip.name == "rk3588";
  const int bits = wide ? 35 : 19;
  const std::uint64_t raw = wide ? std::uint64_t{r[0x6044]} | std::uint64_t{r[0x6048]} << 32 : r[0x6044];
  const auto pad = static_cast<std::int64_t>(raw << (64 - bits)) >> (64 - bits);
  s.pad_value = is_float(type) ? 0 : pad;
}

}  // namespace

void Builder::add_pool(const file::Node& node, const std::vector<Pass>& passes) {
  if (!node.on_npu || passes.empty()) throw Unsupported("a pool without NPU tasks");
  if (node.inputs.empty() || node.outputs.size() != 1) throw Unsupported("a pool with several outputs");
  Slot& in = value(node.inputs[0]);
  Slot& out = result(node.outputs[0]);
  if (in.shape.rank() != 4 || out.shape.rank() != 4 || in.images() != out.images() || in.channels() != out.channels())
    throw Unsupported("a pool from " + to_string(in.shape) + " to " + to_string(out.shape));
  if (in.dtype != out.dtype || !(in.quant == out.quant)) throw Unsupported("a pool that requantises");
  if (in.dtype != DType::i8 && in.dtype != DType::i16 && in.dtype != DType::f16 && in.dtype != DType::bf16)
    throw Unsupported(std::string("a pool over elements of type ") + name_of(in.dtype));
  kernels::PoolShape s = pool_shape(node, in, out);
  if (s.dilation_h != 1 || s.dilation_w != 1) throw Unsupported("a dilated pool: its tasks ignore the dilation");
  if (s.kind == kernels::PoolShape::Kind::average) {
    const Pass& pass = passes.front();
    // Bit 3 of the PPU's padding register leaves the padding out of the count. The compiler sets it for pads, and
    // forgets windows that leave the map by ceil_mode: there the node is taken.
    const bool leaves = s.pad_top || s.pad_left || (s.out_h - 1) * s.stride_h + s.kernel_h > s.in_h ||
                        (s.out_w - 1) * s.stride_w + s.kernel_w > s.in_w;
    if ((leaves && node.attributes.integer("count_include_pad", 0) == 0) ||
        (pass.unit == Unit::pool && pass.registers[0x6024] >> 3 & 1))
      throw Unsupported("an average over the pixels inside the map");
    if (pass.unit == Unit::pool) {
      average_by_registers(chip_, pass.registers, in.dtype, s);
    } else {  // RV1103B/RV1106B have no PPU
      s.reciprocal_h = 1.0 / s.kernel_h, s.reciprocal_w = 1.0 / s.kernel_w;
      s.pad_value = in.quant.zero_point;
    }
  }
  auto step = std::make_unique<PoolStep>(node);
  step->pool = kernels::prepare_pool(s);
  step->in = &as_map(in), step->out = &as_map(out);
  add(std::move(step), {&in}, {&out});
}

}  // namespace ez_rknn::npu::plan
