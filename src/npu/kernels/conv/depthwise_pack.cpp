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

/// Weights of nine bits are the sum of two of eight.
std::int32_t part(std::int32_t w, int set) {
  const std::int32_t first = std::clamp(w, -128, 127);
  return set == 0 ? first : w - first;
}

void pack_u8_s8(const Folded& weight, int first, const PackedDepthwise& p, std::byte* to) {
  for (int q = 0; q < 4; ++q)
    for (int lane = 0; lane < 16; ++lane, to += 4) {
      const int channel = first + lane / 4 * 16 + q * 4 + lane % 4;
      std::int32_t sum = 0;
      for (int tap = 0; tap < weight.taps; ++tap) sum += weight(channel, tap);
      sum *= -128;
      std::memcpy(to, &sum, 4);
    }
  for (int set = 0; set < p.sets; ++set)
    for (int step = 0; step < p.steps; ++step)
      for (int q = 0; q < 4; ++q)
        for (int lane = 0; lane < 16; ++lane)
          for (int v = 0; v < 4; ++v)
            *to++ = static_cast<std::byte>(part(weight(first + lane / 4 * 16 + q * 4 + lane % 4, step * 4 + v), set));
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
  p.steps = (weight.taps + p.taps_per_step - 1) / p.taps_per_step;
  if (encoding != DepthwiseEncoding::f32 && encoding != DepthwiseEncoding::f64) {
    std::int32_t lo = 0, hi = 0;
    for (int c = 0; c < s.out_c; ++c)
      for (int tap = 0; tap < weight.taps; ++tap) lo = std::min(lo, weight(c, tap)), hi = std::max(hi, weight(c, tap));
    if (encoding == DepthwiseEncoding::u8_s8) {
      if (lo < -256 || hi > 254) return std::nullopt;
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
