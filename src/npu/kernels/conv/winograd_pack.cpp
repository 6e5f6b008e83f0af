#include "npu/kernels/conv/winograd_pack.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// A line of the transform of weights, `kSlots` numbers as winograd_slots says: G of F(2, 3). Integers keep its
/// fractions: `Scale` times as large, and the output's transform, which adds them up, knows.
template <int Scale>
struct Small {
  static constexpr int kSlots = 4;
  template <class T>
  static void line(T a, T b, T c, T* to) {
    to[0] = Scale * a, to[1] = Scale * (a + b + c) / 2, to[2] = Scale * (a - b + c) / 2, to[3] = Scale * c;
  }
};
/// G of F(4, 3) with the points of reals (winograd_loops_4.hpp), a = 3/4 and b = 3/2: (1 p pp) over 2pp(pp - qq), where
/// q is the other one.
struct LargeReal {
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
/// The same with those of integers, 1 and 2, twenty-four times as large, but for the last element: three times.
struct LargeInteger {
  static constexpr int kSlots = 6;
  template <class T>
  static void line(T a, T b, T c, T* to) {
    to[0] = 6 * a, to[1] = -4 * (a + b + c), to[2] = 4 * (b - a - c);
    to[3] = a + 2 * b + 4 * c, to[4] = a - 2 * b + 4 * c, to[5] = 3 * c;
  }
};

/// Of windows of stride 2: [place][part], see winograd_loops_strided.hpp.
struct Strided {
  static constexpr int kSlots = 5;
  template <class T>
  static void line(T a, T b, T c, T* to) {
    to[0] = a, to[1] = b, to[2] = a + c, to[3] = b, to[4] = c;
  }
};

/// G g G'
template <class G, class T>
void transform(const T* g, T* to) {
  constexpr int n = G::kSlots;
  T t[3][n];
  for (int y = 0; y < 3; ++y) G::line(g[3 * y], g[3 * y + 1], g[3 * y + 2], t[y]);
  for (int x = 0; x < n; ++x) {
    T column[n];
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

/// A place's weights of four output channels: what the compiler makes one vector of.
typedef std::int32_t Four __attribute__((vector_size(16)));

/// The first eight of nine numbers of four channels each, transposed and widened.
void transpose_eight(const std::int16_t* const (&from)[4], Four (&to)[9]) {
  typedef std::int16_t Eight __attribute__((vector_size(16)));
  typedef std::int16_t Narrow __attribute__((vector_size(8)));
  Eight of[4];
  for (int k = 0; k < 4; ++k) std::memcpy(&of[k], from[k], sizeof of[k]);
  const auto put = [&to](Four pairs01, Four pairs23, int first) {  // four numbers of two channels each
    const auto low = Eight(__builtin_shufflevector(pairs01, pairs23, 0, 4, 1, 5));
    const auto high = Eight(__builtin_shufflevector(pairs01, pairs23, 2, 6, 3, 7));
    const auto widen = [](Narrow n) { return __builtin_convertvector(n, Four); };
    to[first] = widen(__builtin_shufflevector(low, low, 0, 1, 2, 3));
    to[first + 1] = widen(__builtin_shufflevector(low, low, 4, 5, 6, 7));
    to[first + 2] = widen(__builtin_shufflevector(high, high, 0, 1, 2, 3));
    to[first + 3] = widen(__builtin_shufflevector(high, high, 4, 5, 6, 7));
  };
  const auto begin = [](Eight a, Eight b) { return Four(__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)); };
  const auto rest = [](Eight a, Eight b) { return Four(__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)); };
  put(begin(of[0], of[1]), begin(of[2], of[3]), 0);
  put(rest(of[0], of[1]), rest(of[2], of[3]), 4);
}

/// The weights of output channels [oc, oc + count) and of an input channel; beyond either's last, 0.
void load_four(const ConvJob& job, int oc, int count, int ic, Four (&g)[9]) {
  std::fill_n(g, 9, Four{});
  if (ic >= job.shape.in_c) return;
  const std::int16_t* from[4];  // beyond the last one, the first once more, and 0 in the end
  Four ow{}, there{};
  for (int lane = 0; lane < 4; ++lane) {
    const int channel = oc + (lane < count ? lane : 0);
    from[lane] = job.weights.integers.data() + weight_at(job, channel, ic);
    ow[lane] = job.tail.ow ? job.tail.ow[static_cast<std::size_t>(channel)] : 0;
    there[lane] = lane < count ? -1 : 0;
  }
  transpose_eight(from, g);
  g[8] = Four{from[0][8], from[1][8], from[2][8], from[3][8]};
  for (Four& place : g) place = (place + ow) & there;
}

/// Those of two input channels side by side. False when int16 does not hold them.
template <class G>
bool put_integers(const ConvJob& job, int oc, int count, int ic, std::byte* to, std::size_t stride) {
  constexpr int n = G::kSlots * G::kSlots;
  Four g[9], low[n], high[n], lost{};
  load_four(job, oc, count, ic, g), transform<G>(g, low);
  load_four(job, oc, count, ic + 1, g), transform<G>(g, high);
  for (int i = 0; i < n; ++i) {
    lost |= (low[i] - (low[i] << 16 >> 16)) | (high[i] - (high[i] << 16 >> 16));
    const Four both = (low[i] & 0xffff) | (high[i] << 16);
    const auto slot = static_cast<std::size_t>(slot_at<G>(i / G::kSlots, i % G::kSlots));
    std::memcpy(to + slot * stride, &both, static_cast<std::size_t>(count) * 4);
  }
  return !(lost[0] | lost[1] | lost[2] | lost[3]);
}

}  // namespace

std::optional<PackedWinograd> pack_winograd(const ConvJob& job, const WinogradKernel& kernel) {
  const ConvShape& s = job.shape;
  const int groups = padded_channels(s.out_c) / kChannelAlign, values = 4 / kernel.to;
  PackedWinograd packed;
  // Parts are whole pixels, one behind the other.
  const int channels = kernel.stride == 2 ? padded_channels(s.in_c) : s.in_c;
  packed.steps = (channels + values - 1) / values;
  const int slots = winograd_slots(kernel.tile, kernel.stride);
  const std::size_t group_bytes = bytes_of(slots * slots * packed.steps, 64);
  packed.blocks = cut_groups(s.out_c, *kernel.products, group_bytes);
  AlignedBuffer bytes(static_cast<std::size_t>(groups) * group_bytes);
  for (const PackedBlock& block : packed.blocks) {
    const std::size_t step = bytes_of(block.loop->groups, 64);
    const int first = block.first_group * kChannelAlign,
              end = std::min(first + block.loop->groups * kChannelAlign, s.out_c);
    const std::size_t slot = static_cast<std::size_t>(packed.steps) * step;
    std::byte* to = bytes.data() + block.offset;
    for (int ic = 0; ic < s.in_c; ic += values, to += step) {  // the inner loop writes neighbours, at all slots
      if (job.tail.real)
        for (int oc = first; oc < end; ++oc) {
          const auto put = kernel.stride == 2 ? put_real<Strided>
                           : kernel.tile == 4 ? put_real<LargeReal>
                                              : put_real<Small<1>>;
          put(job, oc, ic, to + bytes_of(oc - first, 4), slot);
        }
      else
        for (int oc = first; oc < end; oc += 4) {
          const auto put = kernel.stride == 2 ? put_integers<Strided>
                           : kernel.tile == 4 ? put_integers<LargeInteger>
                                              : put_integers<Small<2>>;
          if (!put(job, oc, std::min(4, end - oc), ic, to + bytes_of(oc - first, 4), slot)) return std::nullopt;
        }
    }
  }
  packed.bytes = SharedBytes(std::move(bytes));
  return packed;
}

}  // namespace ez_rknn::npu::kernels
