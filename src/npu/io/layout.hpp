#pragma once
/// Tensors as they lie in a user's memory.
#include "npu/io/convert.hpp"

namespace ez_rknn::npu::io {

enum class Format : std::uint8_t {
  logical,  ///< row-major in the tensor's own order: NCHW for images, and every other rank
  nhwc,     ///< rank 4
  nc1hwc2,  ///< rank 4: channels in groups of c2, the last one filled up
};

/// How a buffer holds a tensor of a given logical shape.
struct Layout {
  Format format = Format::logical;
  DType dtype = DType::f32;
  Quant quant;                ///< identity: the numbers are real values
  std::int64_t w_stride = 0;  ///< pixels from a row to the next; 0: width. Rank 4 only
  std::int64_t h_stride = 0;  ///< rows from an image (or plane) to the next; 0: height. Rank 4 only
  int c2 = 0;                 ///< nc1hwc2 only
};

/// Bytes of the buffer, padding included.
/// @throws InvalidArgument for strides below the extent, a format the rank does not allow, more than 2^48 bytes
std::uint64_t bytes_of(const Dims& shape, const Layout& layout);

/// The user's buffer into the tensor, with the padding channels of a map set to 0. `data` holds at least bytes_of().
/// @param normalisation  applied to real values; pass null when the numbers are the tensor's own
void read_buffer(const std::byte* data, const Layout& layout, const TensorView& tensor,
                 const file::Normalisation* normalisation = nullptr, Team* team = nullptr);

/// The tensor into the user's buffer. Channels that fill up the last group of nc1hwc2 become 0; pixels between the
/// width and w_stride are left alone.
void write_buffer(const ConstTensorView& tensor, std::byte* data, const Layout& layout, Team* team = nullptr);

}  // namespace ez_rknn::npu::io
