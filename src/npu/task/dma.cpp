/// The DPU's source and destination: flying tasks, reductions, unpooling, the writers.
#include <algorithm>

#include "npu/task/units.hpp"

namespace ez_rknn::npu::task {
namespace {

constexpr const char* kWriter = "the DPU's writer";

template <class T>
Cube<T> fetch(const FlyingTask& t, const Memory& memory) {
  const std::int64_t base = memory.at(t.from);
  const std::int64_t surface = t.second ? memory.at(*t.second) - base : t.surface;
  return read_cube<T>(memory, {base, t.line, surface}, t.precision, t.channels, t.height, t.width,
                      "the DPU's source DMA");
}

/// The largest or smallest of the real channels goes to channel 0, or to a plane of one element a pixel.
void reduce(const FlyingTask& t, const Cube<double>& v, Memory& memory) {
  const WriterTask& w = t.dpu.writer;
  const int channels = std::min(w.real_channels, v.channels);
  Cube<double> out(channels_of_pixel(w.precision), v.height, v.width);
  for (int y = 0; y < v.height; ++y)
    for (int x = 0; x < v.width; ++x) {
      double most = v(0, y, x);
      for (int c = 1; c < channels; ++c)
        most = t.reduce == FlyingTask::Reduce::max ? std::max(most, v(c, y, x)) : std::min(most, v(c, y, x));
      out(0, y, x) = most;
    }
  if (!t.packed_plane) return write_cube(w, out, memory);
  const int size = bytes_of(w.precision);
  std::byte* to = memory.write(memory.at(w.to), std::int64_t{v.height} * v.width * size, kWriter);
  for (int y = 0; y < v.height; ++y)
    for (int x = 0; x < v.width; ++x, to += size) store_element(to, w.precision, out(0, y, x));
}

}  // namespace

void write_cube(const WriterTask& t, const Cube<double>& v, Memory& memory) {
  const std::int64_t base = memory.at(t.to);
  const int group = channels_of_pixel(t.precision), size = bytes_of(t.precision);
  // Bilinear enlargement: four depthwise phases, each of which leaves room between its pixels for the others.
  const bool columns =
      t.columns && t.wdma_height == v.width && v.width > 1 && v.height > 1 && t.wdma_channels == v.channels * v.height;
  const std::int64_t pixel = columns ? std::int64_t{1 + t.notch} * kPixel : kPixel;
  const std::int64_t line = columns ? t.column_row : std::int64_t{v.width + t.notch} * kPixel;
  for (int c = 0; c < v.channels && !(columns && c >= t.real_channels); c += group)
    for (int y = 0; y < v.height; ++y) {
      const std::int64_t row = base + c / group * t.surface + y * line;
      std::byte* to = memory.write(row, (v.width - 1) * pixel + kPixel, kWriter);
      for (int x = 0; x < v.width; ++x)
        for (int k = 0; k < group; ++k)
          store_element(to + x * pixel + k * size, t.precision, c + k < v.channels ? v(c + k, y, x) : 0.0);
    }
}

void run(const FlyingTask& t, const Lut& lut, Memory& memory) {
  if (t.reduce != FlyingTask::Reduce::none) return reduce(t, fetch<double>(t, memory), memory);
  const Cube<double> out = t.dpu.real
                               ? run_dpu<double>(t.dpu, fetch<double>(t, memory), nullptr, lut, memory)
                               : run_dpu<std::int64_t>(t.dpu, fetch<std::int64_t>(t, memory), nullptr, lut, memory);
  write_cube(t.dpu.writer, out, memory);
}

void run(const UnpoolTask& t, const Lut&, Memory& memory) {
  const std::int64_t from = memory.at(t.from), to = memory.at(t.to);
  std::vector<std::byte> row(static_cast<std::size_t>(t.width) * kPixel);
  for (int y = 0; y < t.height; ++y) {
    const std::byte* source =
        memory.read(from + y * t.line, std::int64_t{t.width} * kPixel, "the DPU's source DMA, unpooling");
    std::copy_n(source, row.size(), row.begin());
    for (int k = 0; k < t.repeat_y; ++k) {
      std::byte* out =
          memory.write(to + k * t.copy_stride + y * t.out_line, std::int64_t{t.out_width} * kPixel, kWriter);
      for (int x = 0; x < t.out_width; ++x)
        std::copy_n(row.begin() + std::ptrdiff_t{x / t.repeat_x} * kPixel, kPixel, out + std::ptrdiff_t{x} * kPixel);
    }
  }
}

}  // namespace ez_rknn::npu::task
