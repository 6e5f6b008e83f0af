#include "npu/kernels/conv/stage.hpp"

#include <algorithm>
#include <cstring>

namespace ez_rknn::npu::kernels {
namespace {

/// A number of bytes that is known when this is compiled becomes moves of vectors, without a call or a loop.
template <int kBytes>
void copy_pixels(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels) {
  for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel) std::memcpy(to, from, kBytes);
}

template <int Size>
void copy_plain(const std::byte* from, std::ptrdiff_t from_pixel, std::byte* to, std::ptrdiff_t to_pixel, int pixels,
                int channels) {
  if (from_pixel == to_pixel && from_pixel == channels * Size) {
    std::memcpy(to, from, static_cast<std::size_t>(pixels) * static_cast<std::size_t>(from_pixel));
    return;
  }
  const int bytes = (channels + 15) / 16 * 16 * Size;
  switch (bytes) {
    case 16: return copy_pixels<16>(from, from_pixel, to, to_pixel, pixels);
    case 32: return copy_pixels<32>(from, from_pixel, to, to_pixel, pixels);
    case 48: return copy_pixels<48>(from, from_pixel, to, to_pixel, pixels);
    case 64: return copy_pixels<64>(from, from_pixel, to, to_pixel, pixels);
    case 128: return copy_pixels<128>(from, from_pixel, to, to_pixel, pixels);
    default: break;
  }
  for (int x = 0; x < pixels; ++x, from += from_pixel, to += to_pixel) {
    int at = 0;
    for (; at + 64 <= bytes; at += 64) std::memcpy(to + at, from + at, 64);
    for (; at < bytes; at += 16) std::memcpy(to + at, from + at, 16);
  }
}

}  // namespace

const StageFormat kStageI8 = {1, 1, 0, copy_plain<1>};
const StageFormat kStageF16 = {2, 2, 0, copy_plain<2>};
const StageFormat kStageF32 = {4, 4, 0, copy_plain<4>};

Staging::Staging(const ConvShape& shape, const StageFormat& format, int pitch)
    : shape_(shape), format_(format), pitch_(pitch) {
  width_ = (shape.out_w - 1) * step_w() + (shape.kernel_w - 1) * shape.dilation_w + 1;
  pixel_ = std::ptrdiff_t{pitch} * format.element;
  row_ = (width_ * pixel_ + 63) / 64 * 64;
}

void Staging::pad(std::byte* to, int pixels) const {
  if (pixels <= 0) return;
  const auto n = static_cast<std::size_t>(pixels) * static_cast<std::size_t>(pitch_);
  const std::int32_t value = shape_.pad_value + format_.offset;
  if (format_.element == 1) {
    std::memset(to, value, n);
  } else if (format_.element == 2) {
    const auto wide = static_cast<std::int16_t>(value);
    for (std::size_t i = 0; i < n; ++i) std::memcpy(to + i * 2, &wide, 2);
  } else if (format_.element == 8) {
    const auto wide = static_cast<double>(value);
    for (std::size_t i = 0; i < n; ++i) std::memcpy(to + i * 8, &wide, 8);
  } else {
    std::memset(to, 0, n * 4);  // reals are padded with 0
  }
}

void Staging::fill_row(const std::byte* from, std::ptrdiff_t from_pixel, int width, std::byte* to) const {
  const int skip = shape_.kernel_w == 1 ? shape_.stride_w : 1;  // the step that is taken out
  const int insert = shape_.insert_w;
  if (insert > 1) {
    // Staged pixel x is spread pixel x * skip - pad_left, which exists where the insertion divides it.
    int x = 0;
    for (; x < width_; ++x) {
      const int spread = x * skip - shape_.pad_left;
      const bool exists = spread >= 0 && spread % insert == 0 && spread / insert < width;
      if (exists)
        format_.copy(from + spread / insert * from_pixel, from_pixel, to + x * pixel_, pixel_, 1, shape_.in_c);
      else pad(to + x * pixel_, 1);
    }
    return;
  }
  const int first = std::min((shape_.pad_left + skip - 1) / skip, width_);
  const int begin = first * skip - shape_.pad_left;
  const int count = begin < width ? std::min((width - begin + skip - 1) / skip, width_ - first) : 0;
  pad(to, first);
  if (count > 0)
    format_.copy(from + begin * from_pixel, from_pixel * skip, to + first * pixel_, pixel_, count, shape_.in_c);
  pad(to + (first + count) * pixel_, width_ - first - count);
}

void Staging::fill(const ConstMap& in, int first, int out_rows, int width, std::byte* to) const {
  const int skip = shape_.kernel_h == 1 ? shape_.stride_h : 1;
  const int top = first * shape_.stride_h - shape_.pad_top;
  const int n = rows(out_rows);
  for (int i = 0; i < n; ++i, to += row_) {
    const int spread = top + i * skip;
    if (spread >= 0 && spread % shape_.insert_h == 0 && spread / shape_.insert_h < shape_.in_h)
      fill_row(in.data + spread / shape_.insert_h * in.row, in.pixel, width, to);
    else pad(to, width_);
  }
}

}  // namespace ez_rknn::npu::kernels
