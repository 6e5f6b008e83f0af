#include "npu/kernels/conv/winograd_pack.hpp"

#include <algorithm>
#include <cstring>

#include "npu/kernels/conv/winograd_kernel.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// A line of the transform of weights, G of F(2, 3) or F(4, 3). Integers keep its fractions: `Scale` times as large,
/// and the output's transform, which adds them up, knows.
template <int Scale>
struct Small {
  static constexpr int kPlaces = 4;
  template <class T>
  static void line(T a, T b, T c, T* to) {
    to[0] = Scale * a, to[1] = Scale * (a + b + c) / 2, to[2] = Scale * (a - b + c) / 2, to[3] = Scale * c;
  }
};
/// Twenty-four times G, but for the last element: three times.
struct Large {
  static constexpr int kPlaces = 6;
  template <class T>
  static void line(T a, T b, T c, T* to) {
    to[0] = 6 * a, to[1] = -4 * (a + b + c), to[2] = 4 * (b - a - c);
    to[3] = a + 2 * b + 4 * c, to[4] = a - 2 * b + 4 * c, to[5] = 3 * c;
  }
};

/// G g G'
template <class G, class T>
void transform(const T* g, T* to) {
  constexpr int n = G::kPlaces;
  T t[3][n];
  for (int y = 0; y < 3; ++y) G::line(g[3 * y], g[3 * y + 1], g[3 * y + 2], t[y]);
  for (int x = 0; x < n; ++x) {
    T column[n];
    G::line(t[0][x], t[1][x], t[2][x], column);
    for (int y = 0; y < n; ++y) to[n * y + x] = column[y];
  }
}

std::size_t bytes_of(int n, int element) { return static_cast<std::size_t>(n) * static_cast<std::size_t>(element); }

/// The weights of an output and input channel, transformed, `stride` bytes apart. False when int16 does not hold them.
bool put(const ConvJob& job, int tile, int oc, int ic, std::byte* to, std::size_t stride) {
  const std::size_t at =
      (static_cast<std::size_t>(oc) * static_cast<std::size_t>(job.shape.in_c) + static_cast<std::size_t>(ic)) * 9;
  if (job.tail.real) {
    double g[9], places[winograd_places(2)];
    std::copy_n(job.weights.reals.data() + at, 9, g);
    transform<Small<1>>(g, places);
    for (double p : places) {
      const auto value = static_cast<float>(p);
      std::memcpy(to, &value, sizeof value), to += stride;
    }
    return true;
  }
  const std::int32_t ow = job.tail.ow ? job.tail.ow[static_cast<std::size_t>(oc)] : 0;
  std::int32_t g[9], places[winograd_places(4)];
  std::transform(job.weights.integers.data() + at, job.weights.integers.data() + at + 9, g,
                 [&](std::int16_t w) { return w + ow; });
  tile == 4 ? transform<Large>(g, places) : transform<Small<2>>(g, places);
  for (int i = 0; i < winograd_places(tile); ++i) {
    const auto value = static_cast<std::int16_t>(places[i]);
    if (value != places[i]) return false;
    std::memcpy(to, &value, sizeof value), to += stride;
  }
  return true;
}

}  // namespace

std::optional<PackedWinograd> pack_winograd(const ConvJob& job, const WinogradKernel& kernel) {
  const ConvShape& s = job.shape;
  const int groups = padded_channels(s.out_c) / kChannelAlign, values = 4 / kernel.to;
  PackedWinograd packed;
  packed.steps = (s.in_c + values - 1) / values;
  const std::size_t group_bytes = bytes_of(winograd_places(kernel.tile) * packed.steps, 64);
  packed.blocks = cut_groups(s.out_c, *kernel.products, group_bytes);
  AlignedBuffer bytes(static_cast<std::size_t>(groups) * group_bytes);
  for (const PackedBlock& block : packed.blocks) {
    const std::size_t step = bytes_of(block.loop->groups, 64);
    const int first = block.first_group * kChannelAlign,
              end = std::min(first + block.loop->groups * kChannelAlign, s.out_c);
    for (int ic = 0; ic < s.in_c; ++ic) {  // the inner loop writes neighbours, at all places
      std::byte* to =
          bytes.data() + block.offset + static_cast<std::size_t>(ic / values) * step + bytes_of(ic % values, kernel.to);
      for (int oc = first; oc < end; ++oc, to += 4)
        if (!put(job, kernel.tile, oc, ic, to, static_cast<std::size_t>(packed.steps) * step)) return std::nullopt;
    }
  }
  packed.bytes = SharedBytes(std::move(bytes));
  return packed;
}

}  // namespace ez_rknn::npu::kernels
