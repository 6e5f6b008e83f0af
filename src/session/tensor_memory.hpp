#pragma once
/// How memory shared with a runtime holds a tensor, and copies between it and dense arrays.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "abi/rknn.h"
#include "ez_rknn/tensor.hpp"
#include "ez_rknn/value.hpp"

namespace ez_rknn {

/// The part of a rknn_tensor_attr that says which bytes are which element.
struct TensorMemory {
  ElementType type = ElementType::float32;
  TensorLayout layout = TensorLayout::plain;  ///< plain: dense, in the order of the shape, whatever its rank
  Shape shape;                                ///< NCHW for the image layouts, else as the model has it
  std::int64_t w_stride = 0;                  ///< pixels from row to row. 0, here and below: dense
  std::int64_t h_stride = 0;                  ///< rows from image to image
  std::int64_t c2 = 0;                        ///< channels in a group of NC1HWC2
  std::optional<Quantisation> quantisation;

  std::int64_t row() const { return w_stride ? w_stride : shape[3]; }
  std::int64_t rows() const { return h_stride ? h_stride : shape[2]; }
  std::int64_t groups() const { return c2 ? (shape[1] + c2 - 1) / c2 : 1; }
  /// Bytes with all padding.
  std::size_t bytes() const;
  /// The same bytes are the same elements.
  bool same_places(const TensorMemory& other) const;
};

/// @param logical  the same tensor's interface attribute: NC1HWC2 does not say how many channels there are
TensorMemory memory_of(const rknn_tensor_attr& attr, const rknn_tensor_attr& logical);

/// NCHW of a shape that is in `order`; other orders and ranks as they are. And back.
Shape to_nchw(const Shape& shape, TensorLayout order);
Shape from_nchw(const Shape& shape, TensorLayout order);

/// Strides in elements for the dimensions of the shape in `order`; nothing where elements have no constant stride.
std::optional<Shape> strides_of(const TensorMemory& memory, TensorLayout order);

/// Dense elements, in `order` (nchw or nhwc; plain: the memory's own), into the memory and back. Channels that fill up
/// the last group of NC1HWC2 are set to 0; what lies between rows is left alone.
void write_tensor(const void* dense, TensorLayout order, const TensorMemory& memory, void* to);
void read_tensor(const TensorMemory& memory, const void* from, void* dense, TensorLayout order);

}  // namespace ez_rknn
