/// Pooling in two steps: the kernel's rows into one row, then its columns into one pixel.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "core/fp16.hpp"
#include "npu/kernels/element.hpp"
#include "npu/kernels/pool/variants.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

class RowPool final : public Pool {
 public:
  RowPool(const PoolShape& shape, const PoolLoops& loops, std::string_view name)
      : shape_(shape), loops_(loops), name_(name) {}

  void run(const ConstMap& in, const Map& out, Team& team) const override {
    const auto body = [&](std::size_t y, int) { row(in, out, static_cast<int>(y)); };
    const std::int64_t work = std::int64_t{shape_.out_h} * shape_.in_w * shape_.kernel_h * shape_.channels;
    share(team, static_cast<std::size_t>(shape_.out_h), kPoolWork * static_cast<std::uint64_t>(work), body);
  }
  std::string_view kernel() const override { return name_; }

 private:
  static constexpr int kPixels = 16;     ///< output pixels of a strip
  static constexpr int kChannels = 128;  ///< of a strip
  static constexpr int kColumns = 64;    ///< input pixels a strip may need

  /// The kernel positions of output `o` that lie inside [0, in).
  struct Window {
    int first, last, begin;  ///< kernel indices [first, last); input index of kernel index 0
  };
  static Window window(int o, int stride, int pad, int dilation, int kernel, int in) {
    const int begin = o * stride - pad;
    int first = 0, last = kernel;
    while (first < last && begin + first * dilation < 0) ++first;
    while (last > first && begin + (last - 1) * dilation >= in) --last;
    return {first, last, begin};
  }

  void row(const ConstMap& in, const Map& out, int y) const {
    const PoolShape& s = shape_;
    const auto size = static_cast<std::ptrdiff_t>(size_of(s.type));
    const Window rows = window(y, s.stride_h, s.pad_top, s.dilation_h, s.kernel_h, s.in_h);
    const int span = (s.kernel_w - 1) * s.dilation_w + 1;
    const int pixels = std::clamp((kColumns - span) / s.stride_w + 1, 1, kPixels);
    for (int c = 0; c < padded_channels(s.channels); c += kChannels) {
      const int n = std::min(kChannels, padded_channels(s.channels) - c);
      for (int x = 0; x < s.out_w; x += pixels) {
        const int count = std::min(pixels, s.out_w - x);
        std::byte* to = out.data + y * out.row + x * out.pixel + c * size;
        if (s.kind == PoolShape::Kind::average) average(in, rows, x, count, c, n, to, out.pixel);
        else if (loops_.max_windows && !empty(rows) && width(count) <= kColumns)
          best_integers(in, rows, x, count, c, n, to, out.pixel);
        else best(in, rows, x, count, c, n, to, out.pixel);
        if (c + n > s.channels)
          for (int p = 0; p < count; ++p)
            std::memset(to + p * out.pixel + (s.channels - c) * size, 0,
                        static_cast<std::size_t>((c + n - s.channels) * size));
      }
    }
  }

  static bool empty(const Window& w) { return w.last == w.first; }
  /// Input pixels that `count` neighbouring outputs need.
  int width(int count) const { return (count - 1) * shape_.stride_w + (shape_.kernel_w - 1) * shape_.dilation_w + 1; }

  const std::byte* input(const ConstMap& in, const Window& rows, int k, int x, int c) const {
    return in.data + (rows.begin + k * shape_.dilation_h) * in.row + x * in.pixel +
           c * static_cast<std::ptrdiff_t>(size_of(shape_.type));
  }

  /// What an empty window gives and every value beats.
  std::uint16_t worst() const {
    const bool max = shape_.kind == PoolShape::Kind::max;
    if (shape_.type == DType::f16) return max ? 0xfc00 : 0x7c00;
    if (shape_.type == DType::bf16) return max ? 0xff80 : 0x7f80;
    return static_cast<std::uint16_t>(max ? lowest_of(shape_.type) : highest_of(shape_.type));
  }

  /// Both steps for all pixels at once; what lies outside the map loses against everything.
  void best_integers(const ConstMap& in, const Window& rows, int x0, int count, int c, int channels, std::byte* to,
                     std::ptrdiff_t pixel) const {
    const PoolShape& s = shape_;
    const PoolWindows windows = s.kind == PoolShape::Kind::max ? loops_.max_windows : loops_.min_windows;
    const auto n = static_cast<std::size_t>(channels);
    const auto bytes = static_cast<std::ptrdiff_t>(n * size_of(s.type));
    alignas(64) std::byte column[kColumns * kChannels * 2];
    const int left = x0 * s.stride_w - s.pad_left;
    const int begin = std::clamp(-left, 0, width(count)), end = std::clamp(s.in_w - left, begin, width(count));
    fill_worst(column, static_cast<std::size_t>(begin) * n);
    fill_worst(column + end * bytes, static_cast<std::size_t>(width(count) - end) * n);
    windows(input(in, rows, rows.first, left + begin, c), in.pixel, s.dilation_h * in.row, rows.last - rows.first,
            column + begin * bytes, bytes, end - begin, n);
    windows(column, s.stride_w * bytes, s.dilation_w * bytes, s.kernel_w, to, pixel, count, n);
  }

  void fill_worst(std::byte* to, std::size_t n) const {
    if (size_of(shape_.type) == 1) std::memset(to, worst(), n);
    else
      for (std::size_t i = 0; i < n; ++i) store_as(to + i * 2, worst());
  }

  void best(const ConstMap& in, const Window& rows, int x0, int count, int c, int channels, std::byte* to,
            std::ptrdiff_t pixel) const {
    const PoolShape& s = shape_;
    const PoolCombine combine = s.kind == PoolShape::Kind::max ? loops_.max : loops_.min;
    const auto n = static_cast<std::size_t>(channels), bytes = n * size_of(s.type);
    alignas(64) std::byte column[kColumns * kChannels * 2];
    const int left = x0 * s.stride_w - s.pad_left;
    const bool separate = width(count) <= kColumns && !empty(rows) && s.kernel_w > 1;
    if (separate)  // each input column once, though up to kernel_w outputs use it
      for (int i = std::max(0, -left); i < std::min(width(count), s.in_w - left); ++i) {
        std::byte* at = column + static_cast<std::size_t>(i) * bytes;
        std::memcpy(at, input(in, rows, rows.first, left + i, c), bytes);
        for (int k = rows.first + 1; k < rows.last; ++k) combine(input(in, rows, k, left + i, c), at, n);
      }
    for (int p = 0; p < count; ++p, to += pixel) {
      const Window columns = window(x0 + p, s.stride_w, s.pad_left, s.dilation_w, s.kernel_w, s.in_w);
      fill_worst(to, n);
      if (empty(rows)) continue;
      for (int k = columns.first; k < columns.last; ++k) {
        const int x = columns.begin + k * s.dilation_w;
        if (separate) combine(column + static_cast<std::size_t>(x - left) * bytes, to, n);
        else
          for (int r = rows.first; r < rows.last; ++r) combine(input(in, rows, r, x, c), to, n);
      }
    }
  }

  void average(const ConstMap& in, const Window& rows, int x0, int count, int c, int channels, std::byte* to,
               std::ptrdiff_t pixel) const {
    const PoolShape& s = shape_;
    const auto n = static_cast<std::size_t>(channels);
    const double factor = s.reciprocal_w * s.reciprocal_h;
    alignas(64) std::byte sum[kChannels * 4];
    for (int p = 0; p < count; ++p, to += pixel) {
      const Window columns = window(x0 + p, s.stride_w, s.pad_left, s.dilation_w, s.kernel_w, s.in_w);
      std::memset(sum, 0, n * 4);
      for (int r = rows.first; r < rows.last; ++r)
        for (int k = columns.first; k < columns.last; ++k)
          loops_.add(input(in, rows, r, columns.begin + k * s.dilation_w, c), sum, n);
      const std::int64_t inside = std::int64_t{rows.last - rows.first} * (columns.last - columns.first);
      loops_.finish(sum, (std::int64_t{s.kernel_h} * s.kernel_w - inside) * s.pad_value, factor, to, n);
    }
  }

  const PoolShape shape_;
  const PoolLoops& loops_;
  const std::string_view name_;
};

}  // namespace

std::unique_ptr<Pool> make_pool_rows(const PoolShape& shape, const PoolKernel& kernel, std::string_view name) {
  const double window = double(shape.kernel_h) * shape.kernel_w;
  const double largest = shape.type == DType::i16 ? 32768 : 128;
  if (!is_float(shape.type) && shape.kind == PoolShape::Kind::average &&
      (window * largest >= 0x1p31 || window * std::abs(double(shape.pad_value)) >= 0x1p52))
    return nullptr;  // sums would not fit
  return std::make_unique<RowPool>(shape,
                                   shape.type == DType::i8    ? kernel.i8
                                   : shape.type == DType::i16 ? kernel.i16
                                   : shape.type == DType::f16 ? kernel.f16
                                                              : kernel.bf16,
                                   name);
}

}  // namespace ez_rknn::npu::kernels
