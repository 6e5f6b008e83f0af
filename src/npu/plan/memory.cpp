#include "npu/plan/memory.hpp"

#include <algorithm>
#include <numeric>

#include "ez_rknn/error.hpp"

namespace ez_rknn::npu::plan {
namespace {

/// Far above any real tensor; keeps every product below in 64 bits.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 36;

std::int64_t checked_elements(const Dims& shape) {
  std::int64_t n = 1;
  for (auto d : shape) {
    if (d < 1 || d > kMaxElements / n)
      throw ModelError(
          0, "tensor shape " + to_string(shape) + ": every dimension must be at least 1 and the product at most 2^36");
    n *= d;
  }
  return n;
}

}  // namespace

std::ptrdiff_t Slot::pixel_bytes() const {
  return std::ptrdiff_t(size_of(dtype)) * (narrow ? kernels::kFewChannels : kernels::padded_channels(channels()));
}

kernels::ConstMap Slot::image(Bases bases, int i) const {
  return {read(bases) + (images() == 1 ? 0 : i * image_pitch), pixel, row};
}

kernels::Map Slot::writable_image(Bases bases, int i) const { return {address(bases) + i * image_pitch, pixel, row}; }

void lay_out(Slot& slot) {
  const auto elements = checked_elements(slot.shape);
  if (!slot.map) {
    slot.strides = dense_strides(slot.shape);
    slot.bytes = std::size_t(elements) * size_of(slot.dtype);
    return;
  }
  if (slot.shape.rank() < 1 || slot.shape.rank() > 4)
    throw ModelError(0, "a feature map of rank " + std::to_string(slot.shape.rank()) + "; 1 to 4 is possible");
  constexpr std::int64_t kMaxExtent = 1 << 28;
  for (int axis = 0; axis < 4; ++axis)
    if (slot.extent(axis) > kMaxExtent)
      throw ModelError(0, "feature map " + to_string(slot.shape) + ": a side beyond 2^28");
  const std::int64_t c = slot.narrow ? kernels::kFewChannels : kernels::padded_channels(slot.channels());
  const Dims full{slot.height() * std::int64_t(slot.width()) * c, 1, slot.width() * c, c};
  slot.strides = Dims(std::span(full.begin(), std::size_t(slot.shape.rank())));
  checked_elements(Dims{slot.images(), slot.height(), slot.width(), c});
  slot.pixel = slot.pixel_bytes(), slot.row = slot.pixel * slot.width(), slot.image_pitch = slot.row * slot.height();
  slot.bytes = std::size_t(slot.image_pitch) * std::size_t(slot.images());
}

std::size_t place(std::span<Storage> storages) {
  std::vector<std::size_t> order(storages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return storages[i].external || storages[i].first < 0; });
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return storages[a].bytes > storages[b].bytes; });

  std::size_t arena = 0;
  std::vector<std::size_t> placed;  // by offset
  for (auto i : order) {
    Storage& s = storages[i];
    const std::size_t need = align_up(s.bytes);
    std::size_t at = 0;
    for (auto j : placed) {
      const Storage& other = storages[j];
      if (other.last < s.first || s.last < other.first) continue;
      if (other.offset >= at + need) break;
      at = std::max(at, other.offset + align_up(other.bytes));
    }
    s.offset = at;
    arena = std::max(arena, at + need);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), at,
                                   [&](std::size_t v, std::size_t j) { return v < storages[j].offset; }),
                  i);
  }
  return arena;
}

}  // namespace ez_rknn::npu::plan
