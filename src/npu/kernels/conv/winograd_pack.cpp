#include "npu/kernels/conv/winograd_pack.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/fp16.hpp"
#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::size_t kKeptHalves = 1 << 20;  ///< bytes of transformed weights, of f16

/// A line of the transform of weights, `kSlots` numbers as winograd_slots says: G of F(2, 3).
struct Small {
  static constexpr int kSlots = 4;
  static void line(double a, double b, double c, double* to) {
    to[0] = a, to[1] = (a + b + c) / 2, to[2] = (a - b + c) / 2, to[3] = c;
  }
};
/// G of F(4, 3) with the points of reals (winograd_loops_4.hpp), a = 3/4 and b = 3/2: (1 p pp) over 2pp(pp - qq), where
/// q is the other one.
struct Large {
  static constexpr int kSlots = 6;
  static void line(double a, double b, double c, double* to) {
    to[0] = a * 64 / 81, to[5] = c;
    pair(a + c * 9 / 16, b * 3 / 4, -128.0 / 243, to + 1);
    pair(a + c * 9 / 4, b * 3 / 2, 32.0 / 243, to + 3);
  }
  static void pair(double even, double odd, double scale, double* to) {
    to[0] = scale * (even + odd), to[1] = scale * (even - odd);
  }
};
/// Of windows of stride 2: [place][part], see winograd_loops_strided.hpp.
struct Strided {
  static constexpr int kSlots = 5;
  static void line(double a, double b, double c, double* to) {
    to[0] = a, to[1] = b, to[2] = a + c, to[3] = b, to[4] = c;
  }
};

/// G g G'
template <class G>
void transform(const double* g, double* to) {
  constexpr int n = G::kSlots;
  double t[3][n];
  for (int y = 0; y < 3; ++y) G::line(g[3 * y], g[3 * y + 1], g[3 * y + 2], t[y]);
  for (int x = 0; x < n; ++x) {
    double column[n];
    G::line(t[0][x], t[1][x], t[2][x], column);
    for (int y = 0; y < n; ++y) to[n * y + x] = column[y];
  }
}

std::size_t bytes_of(int n, int element) { return static_cast<std::size_t>(n) * static_cast<std::size_t>(element); }

std::size_t weight_at(const ConvJob& job, int oc, int ic) {
  return (static_cast<std::size_t>(oc) * static_cast<std::size_t>(job.shape.in_c) + static_cast<std::size_t>(ic)) * 9;
}

/// How many slots come before a line's slot y and x: parts lie side by side.
template <class G>
constexpr int slot_at(int y, int x) {
  if constexpr (!std::is_same_v<G, Strided>) return y * G::kSlots + x;
  const int high = winograd_parts(2, 2, y / 2), wide = winograd_parts(2, 2, x / 2);
  return y / 2 * 2 * G::kSlots + x / 2 * 2 * high + y % 2 * wide + x % 2;
}

/// The weights of an output and input channel, transformed, `stride` bytes apart.
template <class G>
void put_real(const ConvJob& job, int oc, int ic, std::byte* to, std::size_t stride) {
  constexpr int n = G::kSlots * G::kSlots;
  double g[9], places[n];
  std::copy_n(job.weights.reals.data() + weight_at(job, oc, ic), 9, g);
  transform<G>(g, places);
  for (int i = 0; i < n; ++i) {
    const auto value = static_cast<float>(places[i]);
    const auto slot = static_cast<std::size_t>(slot_at<G>(i / G::kSlots, i % G::kSlots));
    std::memcpy(to + slot * stride, &value, sizeof value);
  }
}

/// What int16 holds transformed. A line of G multiplies by up to 12, 3 or 2 in all (winograd_weights.hpp).
std::int32_t most_magnitude(const WinogradKernel& kernel) {
  const int line = kernel.tile == 4 ? 12 : kernel.stride == 2 ? 2 : 3;
  return INT16_MAX / (line * line);
}

/// As they are, less a base: [step][tap][channels of the block][two inputs]. Beyond the last input is no weight, so
/// `to` holds minus the base there.
template <class T>
void put_plain(const ConvJob& job, const PackedWinograd& packed, const PackedBlock& block, std::byte* to) {
  const std::size_t tap = bytes_of(block.loop->groups, kChannelAlign * 2 * sizeof(T));
  const int first = block.first_group * kChannelAlign,
            end = std::min(first + block.loop->groups * kChannelAlign, job.shape.out_c);
  for (int oc = first; oc < end; ++oc) {
    const auto channel = static_cast<std::size_t>(oc);
    const std::int32_t base = packed.wide ? 0 : packed.base[2 * channel];
    const std::int32_t add = (job.tail.ow ? job.tail.ow[channel] : 0) - base;
    const std::int16_t* from = job.weights.integers.data() + weight_at(job, oc, 0);
    for (int ic = 0; ic < 2 * packed.steps; ++ic) {
      std::byte* at = to + static_cast<std::size_t>(ic / 2 * 9) * tap + bytes_of((oc - first) * 2 + ic % 2, sizeof(T));
      for (int k = 0; k < 9; ++k, at += tap) {
        const auto weight = static_cast<T>(ic < job.shape.in_c ? *from++ + add : -base);
        std::memcpy(at, &weight, sizeof weight);
      }
    }
  }
}

/// Sets what depends on the weights. Nothing when int16 does not hold them transformed.
std::optional<PackedWinograd> pack_integers(const ConvJob& job, const WinogradKernel& kernel, PackedWinograd packed) {
  const std::int32_t magnitude = most_magnitude(kernel);
  const auto padded = static_cast<std::size_t>(padded_channels(job.shape.out_c));
  const std::size_t each = job.weights.integers.size() / static_cast<std::size_t>(job.shape.out_c);
  packed.base.assign(2 * padded, 0);
  for (std::size_t oc = 0, i = 0; oc < static_cast<std::size_t>(job.shape.out_c); ++oc) {
    std::int16_t least = INT16_MAX, most = INT16_MIN;  // a plain loop: it becomes vector code
    for (const std::size_t end = i + each; i < end; ++i)
      least = std::min(least, job.weights.integers[i]), most = std::max(most, job.weights.integers[i]);
    const std::int32_t ow = job.tail.ow ? job.tail.ow[oc] : 0;
    const std::int32_t lo = std::min(least + ow, 0), hi = std::max(most + ow, 0);
    if (lo < -magnitude || hi > magnitude) return std::nullopt;
    if (lo < INT8_MIN || hi > INT8_MAX)
      packed.base[2 * oc] = packed.base[2 * oc + 1] = static_cast<std::int16_t>(lo - INT8_MIN);
    packed.wide |= hi - lo > UINT8_MAX;
  }
  const std::size_t group_bytes = bytes_of(9 * packed.steps, packed.wide ? 64 : 32);
  packed.blocks = cut_groups(job.shape.out_c, *kernel.products, group_bytes);
  AlignedBuffer bytes(padded / kChannelAlign * group_bytes);
  for (const PackedBlock& block : packed.blocks) {
    const auto put = packed.wide ? put_plain<std::int16_t> : put_plain<std::int8_t>;
    put(job, packed, block, bytes.data() + block.offset);
  }
  packed.bytes = SharedBytes(std::move(bytes));
  return packed;
}

void put_bits(float w, std::uint16_t* to) { *to = float_to_half(w); }
void put_bits(float w, float* to) { *to = w; }

/// As they are: [step][tap][channels of the block].
template <class T>
void put_reals(const ConvJob& job, const PackedBlock& block, std::byte* to) {
  const int channels = block.loop->groups * kChannelAlign, first = block.first_group * kChannelAlign;
  const int end = std::min(first + channels, job.shape.out_c);
  auto* out = reinterpret_cast<T*>(to);
  for (int ic = 0; ic < job.shape.in_c; ++ic, out += 9 * channels)
    for (int oc = first; oc < end; ++oc) {
      const float* from = job.weights.reals.data() + weight_at(job, oc, ic);
      for (int k = 0; k < 9; ++k) put_bits(from[k], out + k * channels + oc - first);
    }
}

PackedWinograd pack_reals(const ConvJob& job, const WinogradKernel& kernel, PackedWinograd packed) {
  const auto is_half = [](float w) { return round_to_half(w) == w; };
  packed.wide = !std::all_of(job.weights.reals.begin(), job.weights.reals.end(), is_half);
  const std::size_t group_bytes = bytes_of(9 * packed.steps, packed.wide ? 64 : 32);
  packed.blocks = cut_groups(job.shape.out_c, *kernel.products, group_bytes);
  AlignedBuffer bytes(static_cast<std::size_t>(padded_channels(job.shape.out_c) / kChannelAlign) * group_bytes);
  for (const PackedBlock& block : packed.blocks)
    (packed.wide ? put_reals<float> : put_reals<std::uint16_t>)(job, block, bytes.data() + block.offset);
  packed.bytes = SharedBytes(std::move(bytes));
  return packed;
}

}  // namespace

bool keeps_transformed(const ConvShape& s, bool real, int slots) {
  return real &&
         bytes_of(slots * slots * s.in_c, 4) * static_cast<std::size_t>(padded_channels(s.out_c)) <= kKeptHalves;
}

std::optional<PackedWinograd> pack_winograd(const ConvJob& job, const WinogradKernel& kernel) {
  const ConvShape& s = job.shape;
  const int groups = padded_channels(s.out_c) / kChannelAlign, values = 4 / kernel.to;
  PackedWinograd packed;
  // Parts are whole pixels, one behind the other.
  const int channels = kernel.stride == 2 ? padded_channels(s.in_c) : s.in_c;
  packed.steps = (channels + values - 1) / values;
  const int slots = winograd_slots(kernel.tile, kernel.stride);
  packed.transformed = keeps_transformed(s, job.tail.real, slots);
  if (!packed.transformed && job.tail.real) return pack_reals(job, kernel, std::move(packed));
  if (!packed.transformed) return pack_integers(job, kernel, std::move(packed));
  const std::size_t group_bytes = bytes_of(slots * slots * packed.steps, 64);
  packed.blocks = cut_groups(s.out_c, *kernel.products, group_bytes);
  AlignedBuffer bytes(static_cast<std::size_t>(groups) * group_bytes);
  for (const PackedBlock& block : packed.blocks) {
    const std::size_t step = bytes_of(block.loop->groups, 64);
    const int first = block.first_group * kChannelAlign,
              end = std::min(first + block.loop->groups * kChannelAlign, s.out_c);
    const std::size_t slot = static_cast<std::size_t>(packed.steps) * step;
    std::byte* to = bytes.data() + block.offset;
    const auto put = kernel.stride == 2 ? put_real<Strided> : kernel.tile == 4 ? put_real<Large> : put_real<Small>;
    for (int ic = 0; ic < s.in_c; ++ic, to += step)  // the inner loop writes neighbours, at all slots
      for (int oc = first; oc < end; ++oc) put(job, oc, ic, to + bytes_of(oc - first, 4), slot);
  }
  packed.bytes = SharedBytes(std::move(bytes));
  return packed;
}

}  // namespace ez_rknn::npu::kernels
