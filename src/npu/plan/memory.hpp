#pragma once
/// Where the tensors of a graph live while it runs. A slot describes one tensor: either a constant, or a place inside a
/// storage. Storages that are not needed at the same time share the bytes of a context's arena.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "core/tensor_view.hpp"
#include "npu/kernels/map.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::plan {

/// Base address of every storage during one run.
using Bases = std::span<std::byte* const>;

/// One tensor. Maps are channels-last with pixels padded to kernels::kChannelAlign channels, everything else is dense
/// row-major in logical order.
struct Slot {
  std::int32_t tensor = -1;             ///< of the graph; -1 for a value the plan invented
  const std::byte* constant = nullptr;  ///< set: this is a constant, and the storage is not used
  int storage = -1;
  std::size_t offset = 0;  ///< in bytes from the storage's base
  DType dtype = DType::f32;
  Dims shape;    ///< logical
  Dims strides;  ///< in elements
  Quant quant;
  bool map = false;     ///< channels-last
  bool narrow = false;  ///< a map with pixels of kernels::kFewChannels elements
  /// Of a map, in bytes: to the right neighbour, to the pixel below, to the next image.
  std::ptrdiff_t pixel = 0, row = 0, image_pitch = 0;
  bool read_as_map = false;  ///< some kernel reads it: its padding channels must be finite
  std::size_t bytes = 0;     ///< from `offset` to the end of the last pixel or element

  /// NCHW extents; ranks below 4 are continued with ones.
  std::int64_t extent(int axis) const { return axis < shape.rank() ? shape[axis] : 1; }
  int images() const { return static_cast<int>(extent(0)); }
  int channels() const { return static_cast<int>(extent(1)); }
  int height() const { return static_cast<int>(extent(2)); }
  int width() const { return static_cast<int>(extent(3)); }
  /// What a kernel reads and writes of a pixel, the channels that fill it up to a multiple of 16 included.
  std::ptrdiff_t pixel_bytes() const;

  const std::byte* read(Bases bases) const { return constant ? constant : address(bases); }
  std::byte* address(Bases bases) const { return storage < 0 ? nullptr : bases[std::size_t(storage)] + offset; }
  ConstTensorView view(Bases bases) const { return {read(bases), dtype, shape, strides, quant}; }
  TensorView writable(Bases bases) const { return {address(bases), dtype, shape, strides, quant}; }
  /// One image of a map; a map with one image serves every image.
  kernels::ConstMap image(Bases bases, int i) const;
  kernels::Map writable_image(Bases bases, int i) const;
};

/// Bytes with a life: from the step that first writes them to the last that reads them.
struct Storage {
  std::size_t bytes = 0;
  int first = -1, last = -1;  ///< steps; -1: not used
  bool external = false;      ///< an input or output of the graph: has memory of its own, outside the arena
  std::size_t offset = 0;     ///< in the arena
};

constexpr std::size_t kAlign = 64;
constexpr std::size_t align_up(std::size_t n) { return (n + kAlign - 1) / kAlign * kAlign; }

/// Strides and size of a slot whose shape, type and layout are decided.
/// @throws ModelError for a map that is not of rank 1..4, or a size beyond what memory can hold
void lay_out(Slot& slot);

/// Give every storage that is not external an offset; lives that overlap never share bytes. Biggest first, each at the
/// lowest offset that is free. Returns the size of the arena.
std::size_t place(std::span<Storage> storages);

}  // namespace ez_rknn::npu::plan
