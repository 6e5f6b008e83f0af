#include "npu/kernels/conv/pack.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "core/fp16.hpp"

namespace ez_rknn::npu::kernels {
namespace {

int values_per_step(DenseEncoding e) {
  switch (e) {
    case DenseEncoding::u8_s8:
    case DenseEncoding::s8_s8:
    case DenseEncoding::s8_pairs:
    case DenseEncoding::s8_tiles: return 4;
    case DenseEncoding::s16_s16: return 2;
    case DenseEncoding::f32:
    case DenseEncoding::f16:
    case DenseEncoding::bf16_tiles:
    case DenseEncoding::f64: return 1;
  }
  return 1;
}

/// Steps of a run are filled up to a multiple of these.
int steps_together(DenseEncoding e) {
  switch (e) {
    case DenseEncoding::s8_tiles: return kTileSteps;
    case DenseEncoding::bf16_tiles: return kPartChannels;
    case DenseEncoding::s8_pairs: return 2;
    default: return 1;
  }
}

/// Whether the groups of a block lie one behind the other for so many steps.
bool by_groups(DenseEncoding e) { return e == DenseEncoding::s8_tiles || e == DenseEncoding::bf16_tiles; }

/// From a channel's weights of a step to the next channel's, within a group.
int channel_bytes(DenseEncoding e) { return e == DenseEncoding::s8_pairs ? 8 : weight_bytes(e); }

/// The plain weights of a channel, and its window-sum factor, which is folded into them when they are packed.
class Source {
 public:
  explicit Source(const ConvJob& job)
      : job_(job),
        per_channel_(static_cast<std::size_t>(job.shape.kernel_h) * static_cast<std::size_t>(job.shape.kernel_w) *
                     static_cast<std::size_t>(job.shape.depthwise ? 1 : job.shape.in_c)) {}

  std::span<const std::int16_t> integers(int oc) const { return of(job_.weights.integers, oc); }
  std::span<const float> reals(int oc) const { return of(job_.weights.reals, oc); }
  std::int32_t ow(int oc) const { return job_.tail.ow ? job_.tail.ow[static_cast<std::size_t>(oc)] : 0; }

  WeightRange range(int oc) const {
    std::int16_t lo = INT16_MAX, hi = INT16_MIN;  // a plain loop: it becomes vector code
    for (const std::int16_t w : integers(oc)) lo = std::min(lo, w), hi = std::max(hi, w);
    return {lo + ow(oc), hi + ow(oc)};
  }

 private:
  template <class T>
  std::span<const T> of(const std::vector<T>& all, int oc) const {
    return std::span(all).subspan(static_cast<std::size_t>(oc) * per_channel_, per_channel_);
  }

  const ConvJob& job_;
  const std::size_t per_channel_;
};

/// Where a block keeps the weights of its first channel, in the order of the plain weights; the next channels follow at
/// channel_bytes() each, or in the next tile for those of another group.
std::vector<std::uint32_t> places(const ConvShape& s, const RunShape& run, const PackedWeights& packed,
                                  DenseEncoding encoding, int groups) {
  const int values = values_per_step(encoding), lane = weight_bytes(encoding);
  const int together = steps_together(encoding),
            apart = encoding == DenseEncoding::s8_pairs ? lane : kChannelAlign * lane;
  std::vector<std::uint32_t> at;
  at.reserve(static_cast<std::size_t>(s.in_c) * static_cast<std::size_t>(s.kernel_h) *
             static_cast<std::size_t>(s.kernel_w));
  for (int c = 0; c < s.in_c; ++c)
    for (int ky = 0; ky < s.kernel_h; ++ky)
      for (int kx = 0; kx < s.kernel_w; ++kx) {
        const int tap = run.merged ? ky : ky * s.kernel_w + kx;
        const int element = run.merged ? kx * run.channels + c : c;
        const int step = tap * packed.steps + element / values;
        const int place = step / together * together * groups * kChannelAlign * lane;
        const int inside = encoding == DenseEncoding::bf16_tiles
                               ? step % together / 2 * apart + step % 2 * 2  // of the high part
                               : step % together * apart + element % values * (lane / values);
        at.push_back(static_cast<std::uint32_t>(place + inside));
      }
  return at;
}

/// Writes every weight of channel `oc` through `store(byte, weight)`.
template <class Plain, class Store>
void scatter(std::span<const Plain> plain, std::span<const std::uint32_t> at, std::byte* block, Store store) {
  for (std::size_t i = 0; i < at.size(); ++i) store(block + at[i], plain[i]);
}

/// A vector of the compiler's: four steps of two 16-bit weights.
typedef std::int16_t Pairs __attribute__((vector_size(16)));
typedef std::int32_t Steps __attribute__((vector_size(16)));

/// Two 16-bit weights to a step, all of one tap. Channels come four at a time and four steps of each: squares, whose
/// transposition writes neighbours. Beyond the last channel, or the last of an odd number of inputs, is 0.
void put_pairs(const Source& source, const PackedBlock& block, const ConvShape& s, std::byte* to) {
  const int step_bytes = block.loop->groups * kChannelAlign * 4, whole = s.in_c / 8 * 8;
  const int first = block.first_group * kChannelAlign,
            end = std::min(first + block.loop->groups * kChannelAlign, s.out_c);
  for (int oc = first; oc < end; oc += 4, to += 16) {
    const std::int16_t* from[4] = {};
    Pairs add[4] = {};
    for (int k = 0; k < std::min(4, end - oc); ++k)
      from[k] = source.integers(oc + k).data(), add[k] += static_cast<std::int16_t>(source.ow(oc + k));
    for (int ic = 0; ic < s.in_c; ic += 8) {
      Pairs of[4] = {};
      const int count = ic < whole ? 8 : s.in_c - whole;
      for (int k = 0; k < 4 && from[k]; ++k) {
        if (count == 8) std::memcpy(&of[k], from[k] + ic, 16), of[k] += add[k];
        else
          for (int i = 0; i < count; ++i) of[k][i] = static_cast<std::int16_t>(from[k][ic + i] + add[k][0]);
      }
      const auto low = [](Pairs a, Pairs b) { return __builtin_shufflevector(Steps(a), Steps(b), 0, 4, 1, 5); };
      const auto high = [](Pairs a, Pairs b) { return __builtin_shufflevector(Steps(a), Steps(b), 2, 6, 3, 7); };
      const Steps a = low(of[0], of[1]), b = low(of[2], of[3]), c = high(of[0], of[1]), d = high(of[2], of[3]);
      const Steps steps[4] = {__builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
                              __builtin_shufflevector(c, d, 0, 1, 4, 5), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
      for (int i = 0; i < (count + 1) / 2; ++i)
        std::memcpy(to + static_cast<std::ptrdiff_t>(ic / 2 + i) * step_bytes, &steps[i], 16);
    }
  }
}

/// A 1x1 layer whose weights come from memory again in each run, and meet so many pixels that to widen them is little.
/// Not those of few inputs, whose blocks take turns row by row.
bool worth_widening(const ConvShape& s, std::size_t packed_bytes) {
  constexpr std::size_t kStreamed = 192 << 10;
  constexpr int kLeastPixels = 48, kFewInputs = 256;
  return s.kernel_h * s.kernel_w == 1 && s.in_c > kFewInputs && packed_bytes >= kStreamed &&
         s.out_h * s.out_w >= kLeastPixels;
}

/// What 16-bit weights of each channel are to be less for a byte to hold them, 0 among them; empty when none does.
std::vector<std::int16_t> base_of(const ConvShape& s, const Source& source) {
  std::vector<std::int16_t> base(2 * static_cast<std::size_t>(padded_channels(s.out_c)), 0);
  for (int oc = 0; oc < s.out_c; ++oc) {
    const auto range = source.range(oc);
    const std::int32_t lo = std::min(range.lo, 0), hi = std::max(range.hi, 0);
    if (hi - lo > UINT8_MAX) return {};
    const auto channel = 2 * static_cast<std::size_t>(oc);
    if (lo < INT8_MIN || hi > INT8_MAX) base[channel] = base[channel + 1] = static_cast<std::int16_t>(lo - INT8_MIN);
  }
  return base;
}

/// A group's 16-bit weights less their base.
void put_bytes(const std::byte* wide, std::span<const std::int16_t> base, int steps, std::byte* to) {
  for (int i = 0; i < steps * 32; ++i) {
    std::int16_t weight;
    std::memcpy(&weight, wide + 2 * i, 2);
    to[i] = static_cast<std::byte>(weight - base[static_cast<std::size_t>(i % 32)]);
  }
}

/// The two parts of a half: its upper bits, and what is left.
void store_parts(std::byte* p, float weight) {
  const auto bits = std::bit_cast<std::uint32_t>(weight);
  const auto high = static_cast<std::uint16_t>(bits >> 16);
  const float rest = weight - std::bit_cast<float>(bits & 0xffff0000u);
  const auto low = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rest) >> 16);
  std::memcpy(p, &high, 2);
  std::memcpy(p + kTileBytes, &low, 2);
}

template <class To, class Plain>
void store_at(std::byte* p, Plain value) {
  const To to = static_cast<To>(value);
  std::memcpy(p, &to, sizeof to);
}

}  // namespace

std::vector<PackedBlock> cut_groups(int channels, const DenseKernel& kernel, std::size_t group_bytes) {
  const int groups = padded_channels(channels) / kChannelAlign;
  std::vector<PackedBlock> blocks;
  std::size_t offset = 0;
  for (int g = 0, b = 0; g < groups;) {
    while (kernel.blocks[b].groups > groups - g) ++b;  // the last kind has one group
    const bool half = kernel.half && channels - g * kChannelAlign <= kChannelAlign / 2;
    const DenseBlock& loop = half ? *kernel.half : kernel.blocks[b];
    blocks.push_back({g, &loop, offset});
    g += loop.groups;
    offset += static_cast<std::size_t>(loop.groups) * group_bytes;
  }
  return blocks;
}

WeightRange weight_range(const ConvJob& job, int channel) { return Source(job).range(channel); }

bool fit_unsigned(const ConvJob& job) {
  const Source source(job);
  for (int oc = 0; oc < job.shape.out_c; ++oc)
    if (const WeightRange r = source.range(oc); std::max(r.hi, 0) + r.below_zero() > UINT8_MAX) return false;
  return true;
}

std::optional<PackedWeights> pack_dense(const ConvJob& job, const RunShape& run, const DenseKernel& kernel) {
  const ConvShape& s = job.shape;
  const Source source(job);
  const DenseEncoding encoding = kernel.encoding;
  const int values = values_per_step(encoding);
  const int elements = run.merged ? s.kernel_w * run.channels : run.channels;
  PackedWeights packed;
  packed.taps = run.merged ? s.kernel_h : s.kernel_h * s.kernel_w;
  const int together = values * steps_together(encoding);
  packed.steps = (elements + together - 1) / together * steps_together(encoding);

  std::vector<std::int32_t> base(static_cast<std::size_t>(padded_channels(s.out_c)), 0);
  const auto is_half = [&](float w) {
    return round_to_half(w) == w && (encoding == DenseEncoding::f16 || std::isfinite(w));
  };
  if ((encoding == DenseEncoding::f16 || encoding == DenseEncoding::bf16_tiles) &&
      !std::all_of(job.weights.reals.begin(), job.weights.reals.end(), is_half))
    return std::nullopt;
  if (!job.tail.real && encoding != DenseEncoding::f64) {
    WeightRange all{0, 0};
    for (int oc = 0; oc < s.out_c; ++oc) {
      const auto [lo, hi] = source.range(oc);
      if (encoding == DenseEncoding::s16_s16) {
        if (lo < INT16_MIN || hi > INT16_MAX) return std::nullopt;
        continue;
      }
      if (hi - lo > 255) return std::nullopt;
      all = {std::min(all.lo, lo), std::max(all.hi, hi)};
      const std::int32_t least = encoding == DenseEncoding::u8_s8 ? 0 : -128;
      if (lo < least || hi > least + 255) base[static_cast<std::size_t>(oc)] = lo - least;
    }
    if (encoding == DenseEncoding::u8_s8 && all.lo < 0 && all.lo >= INT8_MIN && all.hi <= INT8_MAX)
      packed.factor = INT8_MIN, std::ranges::fill(base, INT8_MIN);
    else if (std::any_of(base.begin(), base.end(), [](std::int32_t v) { return v != 0; })) packed.factors = base;
  }

  const int lane = weight_bytes(encoding);
  std::size_t group_bytes = static_cast<std::size_t>(packed.taps) * static_cast<std::size_t>(packed.steps) * 16 *
                            static_cast<std::size_t>(lane);
  const int groups = padded_channels(s.out_c) / kChannelAlign;
  std::vector<std::byte> wide;  // of a group
  if (kernel.widen && worth_widening(s, static_cast<std::size_t>(groups) * group_bytes))
    packed.base = base_of(s, source);
  if (!packed.base.empty()) wide.resize(group_bytes), group_bytes /= 2;
  packed.blocks = cut_groups(s.out_c, kernel, group_bytes);
  AlignedBuffer bytes(static_cast<std::size_t>(groups) * group_bytes);

  std::vector<std::uint32_t> at;
  int at_groups = 0;
  // The sums of padding are 0 as well.
  const std::vector<std::int16_t> none(packed.factor != 0 ? source.integers(0).size() : 0, 0);
  for (const PackedBlock& block : packed.blocks) {
    if (!packed.base.empty()) {
      std::ranges::fill(wide, std::byte{0});
      put_pairs(source, block, s, wide.data());
      const auto first = static_cast<std::size_t>(block.first_group) * 2 * kChannelAlign;
      put_bytes(wide.data(), std::span(packed.base).subspan(first), packed.steps, bytes.data() + block.offset);
      continue;
    }
    if (encoding == DenseEncoding::s16_s16 && s.kernel_h * s.kernel_w == 1) {
      put_pairs(source, block, s, bytes.data() + block.offset);
      continue;
    }
    if (block.loop->groups != at_groups) {
      at_groups = block.loop->groups;
      at = places(s, run, packed, encoding, at_groups);
    }
    for (int i = 0; i < at_groups * kChannelAlign; ++i) {
      const int oc = block.first_group * kChannelAlign + i;
      if (oc >= s.out_c && none.empty()) break;  // stays 0
      const int channel = by_groups(encoding)
                              ? i / kChannelAlign * steps_together(encoding) * 64 + i % kChannelAlign * lane
                              : i * channel_bytes(encoding);
      std::byte* to = bytes.data() + block.offset + channel;
      const std::int32_t add = oc < s.out_c ? source.ow(oc) : 0;
      switch (encoding) {
        case DenseEncoding::f32: scatter(source.reals(oc), at, to, store_at<float, float>); break;
        case DenseEncoding::f16:
          scatter(source.reals(oc), at, to,
                  [](std::byte* p, float w) { store_at<std::uint16_t>(p, float_to_half(w)); });
          break;
        case DenseEncoding::bf16_tiles: scatter(source.reals(oc), at, to, store_parts); break;
        case DenseEncoding::f64:
          scatter(source.integers(oc), at, to, [&](std::byte* p, std::int16_t w) { store_at<double>(p, w + add); });
          break;
        case DenseEncoding::s16_s16:
          scatter(source.integers(oc), at, to,
                  [&](std::byte* p, std::int16_t w) { store_at<std::int16_t>(p, w + add); });
          break;
        default: {
          const std::int32_t shift = add - base[static_cast<std::size_t>(oc)];
          scatter(oc < s.out_c ? source.integers(oc) : std::span(none), at, to,
                  [&](std::byte* p, std::int16_t w) { *p = static_cast<std::byte>(w + shift); });
        }
      }
    }
  }
  packed.bytes = SharedBytes(std::move(bytes));
  return packed;
}

namespace {

struct SignedSums {
  std::int64_t positive = 0, negative = 0;
};

constexpr std::int32_t kMostOw = 1 << 16;  ///< of either sign; a file's are of 16 bits

/// Of weights + ow. In 32 bits, which vector code adds four times as fast, and in pieces that cannot exceed them.
SignedSums signed_sums(std::span<const std::int16_t> weights, std::int32_t ow) {
  constexpr std::size_t kPiece = 8192;  // of numbers of less than 18 bits
  SignedSums sums;
  while (!weights.empty()) {
    const auto piece = weights.first(std::min(kPiece, weights.size()));
    std::int32_t positive = 0, all = 0;
    for (const std::int16_t plain : piece) {
      const std::int32_t w = plain + ow;
      positive += std::max(w, 0), all += w;
    }
    sums.positive += positive, sums.negative += all - positive;
    weights = weights.subspan(piece.size());
  }
  return sums;
}

std::vector<Interval> accumulator_ranges(const ConvJob& job, std::int32_t lo, std::int32_t hi) {
  const auto channels = static_cast<std::size_t>(job.shape.out_c);
  const std::size_t each = job.weights.integers.size() / channels;
  std::vector<Interval> ranges(channels);
  for (std::size_t oc = 0; oc < channels; ++oc) {
    const std::int32_t ow = job.tail.ow ? job.tail.ow[oc] : 0;
    const auto sums = signed_sums(std::span(job.weights.integers).subspan(oc * each, each), ow);
    const auto up = static_cast<double>(sums.positive), down = static_cast<double>(sums.negative);
    ranges[oc] = {up * lo + down * hi, up * hi + down * lo};
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
  const std::int32_t lo = wide ? INT16_MIN : INT8_MIN, hi = wide ? INT16_MAX : INT8_MAX;
  if (job.shape.pad_value < lo || job.shape.pad_value > hi) return std::nullopt;
  const auto extreme = [](std::int32_t ow) { return ow < -kMostOw || ow > kMostOw; };
  if (std::any_of(job.tail.ow.values.begin(), job.tail.ow.values.end(), extreme)) return std::nullopt;
  auto ranges = accumulator_ranges(job, lo, hi);
  if (!fit(ranges, wide ? -0x1p51 : INT32_MIN, wide ? 0x1p51 : INT32_MAX)) return std::nullopt;
  return ranges;
}

}  // namespace ez_rknn::npu::kernels
