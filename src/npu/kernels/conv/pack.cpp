#include "npu/kernels/conv/pack.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace ez_rknn::npu::kernels {
namespace {

int values_per_step(DenseEncoding e) {
  switch (e) {
    case DenseEncoding::u8_s8:
    case DenseEncoding::s8_s8: return 4;
    case DenseEncoding::s16_s16: return 2;
    case DenseEncoding::f32:
    case DenseEncoding::f64: return 1;
  }
  return 1;
}

/// The plain weights with each channel's window-sum factor folded in, where the encoding wants that.
class Source {
 public:
  explicit Source(const ConvJob& job)
      : job_(job),
        per_channel_(static_cast<std::size_t>(job.shape.kernel_h) * static_cast<std::size_t>(job.shape.kernel_w) *
                     static_cast<std::size_t>(job.shape.in_c)) {}

  std::int32_t integer(int oc, int c, int ky, int kx) const {
    return job_.weights.integers[index(oc, c, ky, kx)] + ow(oc);
  }
  float real(int oc, int c, int ky, int kx) const { return job_.weights.reals[index(oc, c, ky, kx)]; }

  struct Range {
    std::int32_t lo, hi;
  };
  Range range(int oc) const {
    const auto first =
        job_.weights.integers.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(oc) * per_channel_);
    const auto [lo, hi] = std::minmax_element(first, first + static_cast<std::ptrdiff_t>(per_channel_));
    return {*lo + ow(oc), *hi + ow(oc)};
  }

 private:
  std::int32_t ow(int oc) const { return job_.tail.ow ? job_.tail.ow[static_cast<std::size_t>(oc)] : 0; }
  std::size_t index(int oc, int c, int ky, int kx) const {
    const ConvShape& s = job_.shape;
    return static_cast<std::size_t>(oc) * per_channel_ +
           static_cast<std::size_t>((c * s.kernel_h + ky) * s.kernel_w + kx);
  }

  const ConvJob& job_;
  const std::size_t per_channel_;
};

/// Cuts the channel groups into the largest blocks the kernel has.
std::vector<PackedBlock> cut(int groups, const DenseKernel& kernel, std::size_t group_bytes) {
  std::vector<PackedBlock> blocks;
  std::size_t offset = 0;
  for (int g = 0, b = 0; g < groups;) {
    while (kernel.blocks[b].groups > groups - g) ++b;  // the last kind has one group
    const DenseBlock& loop = kernel.blocks[b];
    blocks.push_back({g, &loop, offset});
    g += loop.groups;
    offset += static_cast<std::size_t>(loop.groups) * group_bytes;
  }
  return blocks;
}

}  // namespace

std::optional<PackedWeights> pack_dense(const ConvJob& job, const RunShape& run, const DenseKernel& kernel) {
  const ConvShape& s = job.shape;
  const Source source(job);
  const int values = values_per_step(kernel.encoding);
  const int elements = run.merged ? s.kernel_w * run.channels : run.channels;
  PackedWeights packed;
  packed.taps = run.merged ? s.kernel_h : s.kernel_h * s.kernel_w;
  packed.steps = (elements + values - 1) / values;

  std::vector<std::int32_t> base(static_cast<std::size_t>(padded_channels(s.out_c)), 0);
  if (kernel.encoding != DenseEncoding::f32 && kernel.encoding != DenseEncoding::f64) {
    for (int oc = 0; oc < s.out_c; ++oc) {
      const auto [lo, hi] = source.range(oc);
      if (kernel.encoding == DenseEncoding::s16_s16) {
        if (lo < INT16_MIN || hi > INT16_MAX) return std::nullopt;
        continue;
      }
      if (hi - lo > 255) return std::nullopt;
      const std::int32_t least = kernel.encoding == DenseEncoding::u8_s8 ? 0 : -128;
      if (lo < least || hi > least + 255) base[static_cast<std::size_t>(oc)] = lo - least;
    }
    if (std::any_of(base.begin(), base.end(), [](std::int32_t v) { return v != 0; })) packed.factors = base;
  }

  const std::size_t group_bytes = static_cast<std::size_t>(packed.taps) * static_cast<std::size_t>(packed.steps) * 16 *
                                  static_cast<std::size_t>(lane_bytes(kernel.encoding));
  const int groups = padded_channels(s.out_c) / kChannelAlign;
  packed.blocks = cut(groups, kernel, group_bytes);
  packed.bytes = AlignedBuffer(static_cast<std::size_t>(groups) * group_bytes);

  for (const PackedBlock& block : packed.blocks) {
    std::byte* to = packed.bytes.data() + block.offset;
    const int lanes = block.loop->groups * kChannelAlign;
    for (int tap = 0; tap < packed.taps; ++tap)
      for (int step = 0; step < packed.steps; ++step)
        for (int lane = 0; lane < lanes; ++lane, to += lane_bytes(kernel.encoding)) {
          const int oc = block.first_group * kChannelAlign + lane;
          for (int v = 0; v < values; ++v) {
            const int element = step * values + v;
            const int c = element % run.channels;
            if (oc >= s.out_c || element >= elements || c >= s.in_c) continue;  // stays 0
            const int ky = run.merged ? tap : tap / s.kernel_w;
            const int kx = run.merged ? element / run.channels : tap % s.kernel_w;
            if (kernel.encoding == DenseEncoding::f32) {
              const float w = source.real(oc, c, ky, kx);
              std::memcpy(to, &w, 4);
            } else if (kernel.encoding == DenseEncoding::f64) {
              const auto w = static_cast<double>(source.integer(oc, c, ky, kx));
              std::memcpy(to, &w, 8);
            } else if (kernel.encoding == DenseEncoding::s16_s16) {
              const auto w = static_cast<std::int16_t>(source.integer(oc, c, ky, kx));
              std::memcpy(to + v * 2, &w, 2);
            } else {
              to[v] = static_cast<std::byte>(source.integer(oc, c, ky, kx) - base[static_cast<std::size_t>(oc)]);
            }
          }
        }
  }
  return packed;
}

namespace {

std::vector<Interval> accumulator_ranges(const ConvJob& job, double lo, double hi) {
  const auto channels = static_cast<std::size_t>(job.shape.out_c);
  const std::size_t each = job.weights.integers.size() / channels;
  std::vector<Interval> ranges(channels);
  for (std::size_t oc = 0; oc < channels; ++oc) {
    const double ow = job.tail.ow ? job.tail.ow[oc] : 0;
    for (std::size_t i = 0; i < each; ++i) {
      const double w = job.weights.integers[oc * each + i] + ow;
      ranges[oc].lo += w * (w > 0 ? lo : hi);
      ranges[oc].hi += w * (w > 0 ? hi : lo);
    }
  }
  return ranges;
}

bool fit(const std::vector<Interval>& ranges, double lo, double hi) {
  return std::all_of(ranges.begin(), ranges.end(), [&](const Interval& r) { return r.lo >= lo && r.hi <= hi; });
}

}  // namespace

std::optional<std::vector<Interval>> provable_ranges(const ConvJob& job) {
  if (job.tail.real) return std::vector<Interval>{};
  const bool wide = job.input == ConvInput::i16;
  const double lo = wide ? INT16_MIN : INT8_MIN, hi = wide ? INT16_MAX : INT8_MAX;
  if (job.shape.pad_value < lo || job.shape.pad_value > hi) return std::nullopt;
  auto ranges = accumulator_ranges(job, lo, hi);
  if (!fit(ranges, wide ? -0x1p51 : INT32_MIN, wide ? 0x1p51 : INT32_MAX)) return std::nullopt;
  return ranges;
}

}  // namespace ez_rknn::npu::kernels
