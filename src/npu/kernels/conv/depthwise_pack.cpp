#include "npu/kernels/conv/depthwise_pack.hpp"

#include <algorithm>
#include <cstring>

namespace ez_rknn::npu::kernels {
namespace {

/// Weight of a channel and tap with the window-sum factor folded in; 0 beyond either.
struct Folded {
  const ConvJob& job;
  int taps;

  std::int32_t operator()(int channel, int tap) const {
    if (channel >= job.shape.out_c || tap >= taps) return 0;
    const std::int32_t ow = job.tail.ow ? job.tail.ow[static_cast<std::size_t>(channel)] : 0;
    return job.weights.integers[static_cast<std::size_t>(channel * taps + tap)] + ow;
  }
  float real(int channel, int tap) const {
    if (channel >= job.shape.out_c || tap >= taps) return 0.0f;
    return job.weights.reals[static_cast<std::size_t>(channel * taps + tap)];
  }
};

/// Weights of nine bits are two sets: the first counts twice.
std::int32_t part(std::int32_t w, int set, int sets) { return sets == 1 ? w : set == 0 ? w >> 1 : w & 1; }

void pack_u8_s8(const Folded& weight, int first, const PackedDepthwise& p, std::byte* to) {
  const int width = weight.job.shape.kernel_w;
  for (int group = 0; group < 4; ++group) {
    for (int lane = 0; lane < 16; ++lane, to += 4) {
      std::int32_t sum = 0;
      for (int tap = 0; tap < weight.taps; ++tap) sum += weight(first + group * 16 + lane, tap);
      sum *= p.sets == 1 ? -128 : -64;
      std::memcpy(to, &sum, 4);
    }
    for (int set = 0; set < p.sets; ++set)
      for (int step = 0; step < p.steps; ++step)
        for (int lane = 0; lane < 16; ++lane)
          for (int v = 0; v < 4; ++v) {
            const int row = step / width * 4 + v;  // beyond the window there are no taps
            *to++ = static_cast<std::byte>(
                part(weight(first + group * 16 + lane, row * width + step % width), set, p.sets));
          }
  }
}

void pack_s16(const Folded& weight, int first, const PackedDepthwise& p, std::byte* to) {
  for (int step = 0; step < p.steps; ++step)
    for (int half = 0; half < 2; ++half)
      for (int lane = 0; lane < 8; ++lane)
        for (int v = 0; v < 2; ++v, to += 2) {
          const auto w = static_cast<std::int16_t>(weight(first + lane / 4 * 8 + half * 4 + lane % 4, step * 2 + v));
          std::memcpy(to, &w, 2);
        }
}

void pack_s16_single(const Folded& weight, int first, const PackedDepthwise& p, std::byte* to) {
  for (int step = 0; step < p.steps; ++step)
    for (int lane = 0; lane < 16; ++lane, to += 2) {
      const auto w = static_cast<std::int16_t>(weight(first + lane, step));
      std::memcpy(to, &w, 2);
    }
}

void pack_f32(const Folded& weight, int first, const PackedDepthwise& p, std::byte* to) {
  for (int step = 0; step < p.steps; ++step)
    for (int lane = 0; lane < 16; ++lane, to += 4) {
      const float w = weight.real(first + lane, step);
      std::memcpy(to, &w, 4);
    }
}

}  // namespace

namespace {

void pack_f64(const Folded& weight, int first, const PackedDepthwise& p, std::byte* to) {
  for (int step = 0; step < p.steps; ++step)
    for (int lane = 0; lane < 16; ++lane, to += 8) {
      const auto w = static_cast<double>(weight(first + lane, step));
      std::memcpy(to, &w, 8);
    }
}

}  // namespace

std::optional<PackedDepthwise> pack_depthwise(const ConvJob& job, DepthwiseEncoding encoding) {
  const ConvShape& s = job.shape;
  const Folded weight{job, s.kernel_h * s.kernel_w};
  PackedDepthwise p;
  p.block_channels = encoding == DepthwiseEncoding::u8_s8 ? 64 : 16;
  p.taps_per_step = encoding == DepthwiseEncoding::u8_s8 ? 4 : encoding == DepthwiseEncoding::s16_s16 ? 2 : 1;
  p.steps = encoding == DepthwiseEncoding::u8_s8 ? (s.kernel_h + 3) / 4 * s.kernel_w
                                                 : (weight.taps + p.taps_per_step - 1) / p.taps_per_step;
  if (encoding != DepthwiseEncoding::f32 && encoding != DepthwiseEncoding::f64) {
    std::int32_t lo = 0, hi = 0;
    for (int c = 0; c < s.out_c; ++c)
      for (int tap = 0; tap < weight.taps; ++tap) lo = std::min(lo, weight(c, tap)), hi = std::max(hi, weight(c, tap));
    if (encoding == DepthwiseEncoding::u8_s8) {
      const DepthwiseColumns columns{0, s.kernel_w, s.dilation_w, s.stride_w};
      if (columns.read_by(kDepthwisePixels) * ((s.kernel_h + 3) / 4) > kDepthwiseQuads) return std::nullopt;
      if (lo < -256 || hi > 255) return std::nullopt;
      p.sets = lo < -128 || hi > 127 ? 2 : 1;
    } else if (lo < INT16_MIN || hi > INT16_MAX) {
      return std::nullopt;
    }
  }
  p.block_bytes =
      static_cast<std::size_t>(p.steps) * (encoding == DepthwiseEncoding::u8_s8 ? 256 * static_cast<std::size_t>(p.sets)
                                           : encoding == DepthwiseEncoding::f64 ? 128
                                                                                : 64);
  if (encoding == DepthwiseEncoding::u8_s8) p.block_bytes += 256;
  const int blocks = (s.out_c + p.block_channels - 1) / p.block_channels;
  AlignedBuffer bytes(static_cast<std::size_t>(blocks) * p.block_bytes);
  for (int b = 0; b < blocks; ++b) {
    std::byte* to = bytes.data() + static_cast<std::size_t>(b) * p.block_bytes;
    switch (encoding) {
      case DepthwiseEncoding::u8_s8: pack_u8_s8(weight, b * 64, p, to); break;
      case DepthwiseEncoding::s16_s16: pack_s16(weight, b * 16, p, to); break;
      case DepthwiseEncoding::s16: pack_s16_single(weight, b * 16, p, to); break;
      case DepthwiseEncoding::f64: pack_f64(weight, b * 16, p, to); break;
      case DepthwiseEncoding::f32: pack_f32(weight, b * 16, p, to); break;
    }
  }
  p.bytes = SharedBytes(std::move(bytes));
  return p;
}

}  // namespace ez_rknn::npu::kernels
