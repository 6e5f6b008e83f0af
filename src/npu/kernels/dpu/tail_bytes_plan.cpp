/// The table of results that a look-up table becomes, and whether its ends tell what lies beyond.
#include <algorithm>

#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/tail_plans.hpp"

namespace ez_rknn::npu::kernels {

std::vector<std::uint8_t> plan_bytes(const DpuLayer& layer) {
  DpuLayer after = layer;  // the table's input is the value here
  after.bs.reset(), after.bn.reset();
  const LutRange& r = layer.lut_range;
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(std::int64_t{r.lo_end} - r.le_start + 1));
  const auto at = [&](std::int64_t v) -> std::uint8_t& { return bytes[static_cast<std::size_t>(v - r.le_start)]; };
  const auto compute = [&](std::int64_t v) { return static_cast<std::uint8_t>(dpu_ref(after, 0, v, 0)); };
  // Between two entries the table is straight and what follows never turns: equal ends, equal values between them.
  const auto fill = [&](const auto& self, std::int64_t a, std::int64_t b) -> void {
    if (b - a < 2) return;
    if (at(a) == at(b)) return void(std::fill(&at(a) + 1, &at(b), at(a)));
    const std::int64_t middle = (a + b) / 2;
    at(middle) = compute(middle);
    self(self, a, middle), self(self, middle, b);
  };
  for (std::int64_t v = r.le_start; v <= r.lo_end;) {
    const bool high = v >= r.lo_start;
    const std::int64_t length = std::int64_t{1} << std::clamp(high ? r.lo_index_shift : r.le_index_shift, 0, 16);
    // The last input has the last entry's result, wherever the table ends before that entry.
    const std::int64_t border = v == r.lo_end ? v : std::int64_t{high ? r.lo_end : r.lo_start} - 1;
    const std::int64_t last = std::min(v + length - 1, border);
    at(v) = compute(v), at(last) = compute(last);
    fill(fill, v, last);
    v = last + 1;
  }
  return bytes;
}

// The slopes are straight, so one value far outside tells.
bool ends_matter(const DpuLayer& layer, std::span<const std::uint8_t> bytes) {
  DpuLayer after = layer;
  after.bs.reset(), after.bn.reset();
  const auto at = [&](std::int64_t v) { return static_cast<std::uint8_t>(dpu_ref(after, 0, v, 0)); };
  const std::int64_t far = std::int64_t{1} << 31, first = layer.lut_range.le_start, last = layer.lut_range.lo_end;
  return at(first - far) != bytes.front() || at(last + far) != bytes.back();
}

}  // namespace ez_rknn::npu::kernels
