/// CNA and CORE: fetch a tile, pad it, multiply it with the kernels.
#include <algorithm>
#include <type_traits>

#include "core/fp16.hpp"
#include "npu/task/units.hpp"

namespace ez_rknn::npu::task {
namespace {

template <class T>
T pad_of(const ConvTask& t) {
  switch (t.precision) {
    case Precision::i8: return static_cast<T>(static_cast<std::int8_t>(t.pad_value));
    case Precision::i16: return static_cast<T>(static_cast<std::int16_t>(t.pad_value));
    default: return static_cast<T>(half_to_float(static_cast<std::uint16_t>(t.pad_value)));
  }
}

/// The tile as it lies in memory.
template <class T>
Cube<T> fetch(const ConvTask& t, const Memory& memory) {
  const std::int64_t base = memory.at(t.feature);
  if (!t.interleaved)
    return read_cube<T>(memory, {base, t.input.line, t.input.surface}, t.precision, t.in_channels, t.in_height,
                        t.in_width, "the CNA's feature DMA");
  Cube<T> tile(std::max(t.in_channels, t.interleaved), t.in_height, t.in_width);
  const int size = bytes_of(t.precision), pixel = t.interleaved * size;
  for (int y = 0; y < t.in_height; ++y) {
    const std::byte* row =
        memory.read(base + y * t.input.line, std::int64_t{t.in_width} * pixel, "the CNA's image DMA");
    for (int c = 0; c < t.interleaved; ++c)
      for (int x = 0; x < t.in_width; ++x) tile(c, y, x) = load_element<T>(row + x * pixel + c * size, t.precision);
  }
  return tile;
}

/// What the kernels slide over: the tile with its border, and for a transposed convolution with pad values between the
/// pixels. Channels an image input does not have are 0 in the border too, where their weights may be anything.
template <class T>
Cube<T> padded(const ConvTask& t, const Cube<T>& tile) {
  const int width = (t.out_width - 1) * t.stride_x + (t.kernel_w - 1) * t.dilation_x + 1;
  const int height = (t.out_height - 1) * t.stride_y + (t.kernel_h - 1) * t.dilation_y + 1;
  Cube<T> out(tile.channels, height, width, pad_of<T>(t));
  for (int c = 0; c < tile.channels; ++c) {
    if (t.interleaved && c >= t.interleaved)
      std::fill_n(out.row(c, 0), static_cast<std::ptrdiff_t>(height) * width, T{});
    for (int y = 0; y < tile.height; ++y) {
      const int to = t.pad_top + y * t.insert_y;
      if (to >= height) break;
      for (int x = 0; x < tile.width && t.pad_left + x * t.insert_x < width; ++x)
        out(c, to, t.pad_left + x * t.insert_x) = tile(c, y, x);
    }
  }
  return out;
}

/// acc += weight * input and, with a weight of 1, the window sums.
template <class T>
void slide(const ConvTask& t, const Cube<T>& in, int channel, int ky, int kx, T weight, Cube<T>& to, int to_channel) {
  for (int y = 0; y < t.out_height; ++y) {
    const T* x = in.row(channel, y * t.stride_y + ky * t.dilation_y) + kx * t.dilation_x;
    T* sum = to.row(to_channel, y);
    for (int i = 0; i < t.out_width; ++i) sum[i] += weight * x[static_cast<std::ptrdiff_t>(i) * t.stride_x];
  }
}

/// Kernels lie in groups: output group, input group, ky, kx, output in group, input in group; the last groups hold only
/// what is left.
template <class T>
void dense(const ConvTask& t, const Cube<T>& in, const Memory& memory, Cube<T>& acc, Cube<T>& sums) {
  const int size = bytes_of(t.precision), area = t.kernel_h * t.kernel_w;
  const int packed_channels = t.kernel_bytes / (area * size);
  const int kernels = t.kernels, out_group = t.precision == Precision::i8 ? 32 : 16, in_group = 32;
  const std::byte* weights =
      memory.read(memory.at(t.weights), std::int64_t{kernels} * packed_channels * area * size, "the CNA's weight DMA");
  for (int o = 0; o < kernels; o += out_group) {
    const int outs = std::min(out_group, kernels - o);
    for (int i = 0; i < packed_channels; i += in_group) {
      const int ins = std::min(in_group, packed_channels - i);
      for (int ky = 0; ky < t.kernel_h; ++ky)
        for (int kx = 0; kx < t.kernel_w; ++kx)
          for (int oc = o; oc < o + outs; ++oc)
            for (int ic = i; ic < i + ins; ++ic, weights += size) {
              if (ic >= in.channels || oc >= acc.channels) continue;
              const T w = load_element<T>(weights, t.precision);
              if (w != T{}) slide(t, in, ic, ky, kx, w, acc, oc);
            }
    }
  }
  for (int ic = 0; ic < std::min(packed_channels, in.channels); ++ic)
    for (int ky = 0; ky < t.kernel_h; ++ky)
      for (int kx = 0; kx < t.kernel_w; ++kx) slide(t, in, ic, ky, kx, T{1}, sums, 0);
}

/// Depthwise kernels: groups of 64 channels (32 in 16 bits), inside ky, kx, channel.
template <class T>
void depthwise(const ConvTask& t, const Cube<T>& in, const Memory& memory, Cube<T>& acc, Cube<T>& sums) {
  const int size = bytes_of(t.precision), area = t.kernel_h * t.kernel_w;
  const int packed_channels = t.kernel_bytes / (area * size), group = t.precision == Precision::i8 ? 64 : 32;
  const std::byte* weights =
      memory.read(memory.at(t.weights), std::int64_t{packed_channels} * area * size, "the CNA's weight DMA");
  for (int g = 0; g < packed_channels; g += group) {
    const int channels = std::min(group, packed_channels - g);
    for (int ky = 0; ky < t.kernel_h; ++ky)
      for (int kx = 0; kx < t.kernel_w; ++kx)
        for (int c = g; c < g + channels; ++c, weights += size) {
          if (c >= in.channels || c >= acc.channels) continue;
          slide(t, in, c, ky, kx, load_element<T>(weights, t.precision), acc, c);
          slide(t, in, c, ky, kx, T{1}, sums, c);
        }
  }
}

template <class T>
void convolve(const ConvTask& t, const Lut& lut, Memory& memory) {
  const Cube<T> in = padded(t, fetch<T>(t, memory));
  Cube<T> acc(t.out_channels, t.out_height, t.out_width);
  Cube<T> sums(t.depthwise ? t.out_channels : 1, t.out_height, t.out_width);
  t.depthwise ? depthwise(t, in, memory, acc, sums) : dense(t, in, memory, acc, sums);
  if constexpr (std::is_floating_point_v<T>)
    for (T& v : acc.values) v = static_cast<T>(static_cast<float>(v));  // the accumulator is an f32
  write_cube(t.dpu.writer, run_dpu<T>(t.dpu, std::move(acc), &sums, lut, memory), memory);
}

}  // namespace

void run(const ConvTask& t, const Lut& lut, Memory& memory) {
  t.precision == Precision::f16 ? convolve<double>(t, lut, memory) : convolve<std::int64_t>(t, lut, memory);
}

}  // namespace ez_rknn::npu::task
