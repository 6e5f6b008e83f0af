#pragma once
/// Input rows copied to where inner loops need no special cases: padding, inserted pixels and conversions are done on
/// the way, pixels lie side by side, and strides are taken out where the kernel is one wide.
#include "npu/kernels/conv/conv.hpp"
#include "npu/kernels/conv/stage_copy.hpp"

namespace ez_rknn::npu::kernels {

class Staging {
 public:
  /// @param pitch  elements from pixel to pixel, at least shape.in_c
  Staging(const ConvShape& shape, const StageFormat& format, int pitch);

  std::ptrdiff_t pixel() const { return pixel_; }
  std::ptrdiff_t row() const { return row_; }
  int width() const { return width_; }
  /// Staged pixels between neighbouring outputs.
  int step_h() const { return shape_.kernel_h == 1 ? 1 : shape_.stride_h; }
  int step_w() const { return shape_.kernel_w == 1 ? 1 : shape_.stride_w; }
  int rows(int out_rows) const { return (out_rows - 1) * step_h() + (shape_.kernel_h - 1) * shape_.dilation_h + 1; }
  std::size_t bytes(int out_rows) const { return static_cast<std::size_t>(rows(out_rows) * row_) + kSlack; }

  /// Stage what output rows [first, first + out_rows) read.
  /// @param width  pixels of the input row that exist; less than in_w in the last row of a flattened map
  void fill(const ConstMap& in, int first, int out_rows, int width, std::byte* to) const;

 private:
  static constexpr std::size_t kSlack = 256;  ///< whole vectors are read and written past the last pixel
  void fill_row(const std::byte* from, std::ptrdiff_t from_pixel, int width, std::byte* to) const;
  void pad(std::byte* to, int pixels) const;

  const ConvShape shape_;
  const StageFormat format_;
  const int pitch_;
  int width_ = 0;
  std::ptrdiff_t pixel_ = 0, row_ = 0;
};

}  // namespace ez_rknn::npu::kernels
