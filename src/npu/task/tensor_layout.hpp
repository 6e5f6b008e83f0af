#pragma once
/// Where the elements of an activation lie: NC1HWC2, rows of interleaved pixels, or plain.
#include <cstddef>

#include "rknn_file/model.hpp"

namespace ez_rknn::npu::task {

struct TensorLayout {
  DType type = DType::i8;
  std::int64_t images = 1, channels = 1, height = 1, width = 1;  ///< plain tensors: one row of everything
  std::int64_t group = 1;                                        ///< channels of a pixel
  std::int64_t image_stride = 0;                                 ///< bytes, as are all strides
  std::int64_t surface_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t pixel_stride = 0;

  std::int64_t elements() const { return images * channels * height * width; }
  std::int64_t element_bytes() const { return static_cast<std::int64_t>(size_of(type)); }
  /// Up to the end of the last pixel.
  std::int64_t bytes() const;
  double load(const std::byte* from) const;
  void store(std::byte* to, double v) const;

  /// Byte offsets of all elements in NCHW order.
  template <class F>
  void for_each(F&& f) const {
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t y = 0; y < height; ++y)
          for (std::int64_t x = 0; x < width; ++x)
            f(n * image_stride + c / group * surface_stride + y * row_stride + x * pixel_stride +
              c % group * element_bytes());
  }
};

/// @throws InvalidArgument for tensors that are no activations
TensorLayout layout_of(const file::Graph& graph, int tensor);

}  // namespace ez_rknn::npu::task
