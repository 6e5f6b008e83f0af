#include "npu/plan/constants.hpp"

#include <cstring>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::plan {
namespace {

std::byte* own(GraphPlan& plan, std::size_t bytes) {
  // Over-allocated so that the value can start on a cache line.
  auto& buffer = plan.constants.emplace_back(bytes + kAlign);
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  return buffer.data() + (align_up(address) - address);
}

/// NC1HWC2 -> dense logical order. Surfaces are padded to 4 pixels unless the data is too short for that.
/// @returns false when it is too short even without
bool unpack_feature(const file::Tensor& t, const Dims& shape, std::byte* to) {
  const auto size = std::int64_t(size_of(t.dtype)), held = std::int64_t(t.data.size()) / size;
  const auto extent = [&](int axis) { return axis < shape.rank() ? shape[axis] : 1; };
  const std::int64_t n = extent(0), c = extent(1), h = extent(2), w = extent(3), c2 = t.native_shape[4];
  if (c2 < 1 || c2 > 64) return false;
  const std::int64_t groups = (c + c2 - 1) / c2;
  std::int64_t surface = h * w > 1 ? (h * w + 3) / 4 * 4 : 1;
  if (n * groups * surface * c2 > held) surface = h * w;
  if (n * groups * surface * c2 > held) return false;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t k = 0; k < c; ++k)
      for (std::int64_t p = 0; p < h * w; ++p, to += size)
        std::memcpy(to, t.data.data() + (((i * groups + k / c2) * surface + p) * c2 + k % c2) * size,
                    std::size_t(size));
  return true;
}

}  // namespace

bool is_constant(const file::Tensor& t) {
  switch (t.kind) {
    case file::Kind::constant:
    case file::Kind::cpu_constant:
    case file::Kind::lut:
    case file::Kind::generated: return true;
    default: return false;
  }
}

void set_constant(GraphPlan& plan, Slot& slot, const file::Tensor& t) {
  if (t.layout == file::Layout::weight || t.dtype == DType::i4 || t.data.empty()) return;
  lay_out(slot);
  if (slot.bytes > t.data.size()) return;
  const bool packed =
      t.layout == file::Layout::feature && t.native_shape.size() == 5 && t.shape.rank() <= 4 && t.native_shape[4] > 1;
  const auto address = reinterpret_cast<std::uintptr_t>(t.data.data());
  if (!packed && address % size_of(t.dtype) == 0) {
    slot.constant = t.data.data();
    return;
  }
  std::byte* copy = own(plan, slot.bytes);
  if (!packed) std::memcpy(copy, t.data.data(), slot.bytes);
  else if (!unpack_feature(t, slot.shape, copy)) return;
  slot.constant = copy;
}

const Slot* constant_map(GraphPlan& plan, const Slot& dense, const Slot& like) {
  Dims shape = dense.shape;
  if (shape.rank() == 1) shape = {1, shape[0], 1, 1};  // one number for each channel
  else if (shape.rank() == 3) shape = {1, shape[0], shape[1], shape[2]};
  if (shape.rank() != 4 || shape[0] != 1) return nullptr;
  const bool pixel = shape[2] == 1 && shape[3] == 1, scalar = pixel && shape[1] == 1;
  const bool full = shape[1] == like.extent(1) && shape[2] == like.extent(2) && shape[3] == like.extent(3);
  if (!full && !(pixel && (scalar || shape[1] == like.extent(1)))) return nullptr;
  if (scalar) shape[1] = like.extent(1);

  Slot& map = plan.slots.emplace_back(dense);
  map.tensor = -1, map.shape = shape, map.map = true;
  lay_out(map);
  std::byte* to = own(plan, map.bytes);
  map.constant = to;
  const auto size = size_of(map.dtype);
  const auto pixels = std::size_t(shape[2] * shape[3]), channels = std::size_t(shape[1]);
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < channels; ++c)
      std::memcpy(to + p * std::size_t(map.pixel_bytes()) + c * size,
                  dense.constant + (scalar ? 0 : (c * pixels + p) * size), size);
  return &map;
}

}  // namespace ez_rknn::npu::plan
