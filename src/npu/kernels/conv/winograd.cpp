#include "npu/kernels/conv/winograd.hpp"

#include <algorithm>
#include <cstring>

#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::size_t kMostWeights = 5 << 20;    ///< bytes, transformed
constexpr std::size_t kKeptWeights = 512 << 10;  ///< bytes that stay in L2 from chunk to chunk
constexpr std::size_t kSmallChunk = 192 << 10;   ///< of transformed inputs: in L2 with the weights
constexpr std::size_t kLargeChunk = 832 << 10;   ///< where every chunk streams the weights anew

std::size_t align(std::size_t n) { return (n + 63) / 64 * 64; }
std::size_t bytes_of(int n, int element) { return static_cast<std::size_t>(n) * static_cast<std::size_t>(element); }

struct PackedWinograd {
  std::vector<PackedBlock> blocks;
  SharedBytes bytes;  ///< [block][place][step][channels of the block][elements of a step]
  int steps = 0;
};

/// G g G' with G = (1 0 0 | 1/2 1/2 1/2 | 1/2 -1/2 1/2 | 0 0 1), times `Scale` squared.
template <int Scale, class T>
void transform(const T* g, T* to) {
  const auto line = [](T a, T b, T c, T* out) {
    out[0] = Scale * a, out[1] = Scale * (a + b + c) / 2, out[2] = Scale * (a - b + c) / 2, out[3] = Scale * c;
  };
  T t[3][4];
  for (int y = 0; y < 3; ++y) line(g[3 * y], g[3 * y + 1], g[3 * y + 2], t[y]);
  for (int x = 0; x < 4; ++x) {
    T column[4];
    line(t[0][x], t[1][x], t[2][x], column);
    for (int y = 0; y < 4; ++y) to[4 * y + x] = column[y];
  }
}

/// The weights of an output and input channel, transformed, `stride` bytes apart. False when int16 does not hold them.
bool put(const ConvJob& job, int oc, int ic, std::byte* to, std::size_t stride) {
  const std::size_t at =
      (static_cast<std::size_t>(oc) * static_cast<std::size_t>(job.shape.in_c) + static_cast<std::size_t>(ic)) * 9;
  if (job.tail.real) {
    double g[9], places[kWinogradPlaces];
    std::copy_n(job.weights.reals.data() + at, 9, g);
    transform<1>(g, places);
    for (double p : places) {
      const auto value = static_cast<float>(p);
      std::memcpy(to, &value, sizeof value), to += stride;
    }
    return true;
  }
  const std::int32_t ow = job.tail.ow ? job.tail.ow[static_cast<std::size_t>(oc)] : 0;
  std::int32_t g[9], places[kWinogradPlaces];
  std::transform(job.weights.integers.data() + at, job.weights.integers.data() + at + 9, g,
                 [&](std::int16_t w) { return w + ow; });
  transform<2>(g, places);
  for (std::int32_t p : places) {
    const auto value = static_cast<std::int16_t>(p);
    if (value != p) return false;
    std::memcpy(to, &value, sizeof value), to += stride;
  }
  return true;
}

std::optional<PackedWinograd> pack(const ConvJob& job, const WinogradKernel& kernel) {
  const ConvShape& s = job.shape;
  const int groups = padded_channels(s.out_c) / kChannelAlign, values = 4 / kernel.to;
  PackedWinograd packed;
  packed.steps = (s.in_c + values - 1) / values;
  const std::size_t group_bytes = bytes_of(kWinogradPlaces * packed.steps, 64);
  packed.blocks = cut_groups(s.out_c, *kernel.products, group_bytes);
  AlignedBuffer bytes(static_cast<std::size_t>(groups) * group_bytes);
  for (const PackedBlock& block : packed.blocks) {
    const std::size_t step = bytes_of(block.loop->groups, 64);
    const int first = block.first_group * kChannelAlign,
              end = std::min(first + block.loop->groups * kChannelAlign, s.out_c);
    for (int ic = 0; ic < s.in_c; ++ic) {  // the inner loop writes neighbours, at sixteen places
      std::byte* to =
          bytes.data() + block.offset + static_cast<std::size_t>(ic / values) * step + bytes_of(ic % values, kernel.to);
      for (int oc = first; oc < end; ++oc, to += 4)
        if (!put(job, oc, ic, to, static_cast<std::size_t>(packed.steps) * step)) return std::nullopt;
    }
  }
  packed.bytes = SharedBytes(std::move(bytes));
  return packed;
}

class Winograd final : public Conv {
 public:
  Winograd(const ConvJob& job, const WinogradVariant& variant, PackedWinograd weights, std::unique_ptr<const Tail> tail)
      : shape_(job.shape),
        variant_(variant),
        kernel_(*variant.kernel),
        weights_(std::move(weights)),
        tail_(std::move(tail)),
        channels_(padded_channels(shape_.in_c)),
        wide_((shape_.out_w + 1) / 2),
        high_((shape_.out_h + 1) / 2) {
    for (const PackedBlock& b : weights_.blocks) groups_ = std::max(groups_, b.loop->groups);
    const std::size_t limit = weights_.bytes.size() > kKeptWeights ? kLargeChunk : kSmallChunk;
    const std::size_t row = bytes_of(kWinogradPlaces * wide_, channels_ * kernel_.to);
    const int most = static_cast<int>(std::clamp<std::size_t>(limit / row, 1, static_cast<std::size_t>(high_)));
    chunks_ = (high_ + most - 1) / most;
    rows_ = (high_ + chunks_ - 1) / chunks_;  // even chunks rather than full ones and a rest
    chunks_ = (high_ + rows_ - 1) / rows_;
    splits_ = std::clamp((kItems + chunks_ - 1) / chunks_, 1, static_cast<int>(weights_.blocks.size()));
  }

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, Team& team,
           std::span<std::byte> scratch) const override {
    const Task task{in, operand, out, scratch.data()};
    for (int i = 0; i < team.size(); ++i) *transformed_chunk(task, i) = -1;
    const auto splits = static_cast<std::size_t>(splits_);
    const std::size_t items = static_cast<std::size_t>(chunks_) * splits;
    const auto body = [&](std::size_t item, int worker) {
      compute(task, static_cast<int>(item / splits), static_cast<int>(item % splits), worker);
    };
    share(team, items, work(), body);
  }

  std::size_t scratch_bytes(int workers) const override {
    return static_cast<std::size_t>(std::max(workers, 1)) * worker_bytes();
  }
  std::size_t packed_bytes() const override { return weights_.bytes.size(); }
  std::uint64_t work() const override { return shape_.macs() + shape_.outputs() * tail_->work(); }
  std::string_view kernel() const override { return variant_.name; }

 private:
  struct Task {
    ConstMap in, operand;
    Map out;
    std::byte* scratch;
  };
  static constexpr std::size_t kHeader = 64;
  static constexpr int kBorder = 4;  ///< pixels a side of a tile with what it overlaps

  int tiles() const { return rows_ * wide_; }
  /// From place to place: not a multiple of 4096, or the 16 of them would share a set of L1.
  std::size_t input_place() const { return bytes_of(tiles() * channels_, kernel_.to) + 64; }
  std::size_t product_place() const { return bytes_of(tiles() * groups_, 64) + 64; }
  std::size_t input_bytes() const { return kWinogradPlaces * input_place(); }
  std::size_t product_bytes() const { return kWinogradPlaces * product_place(); }
  std::size_t accumulator_bytes() const { return bytes_of(4 * wide_ * groups_, 64); }
  std::size_t border_bytes() const { return align(bytes_of(kBorder * kBorder * channels_, kernel_.from)); }
  std::size_t worker_bytes() const {
    return kHeader + input_bytes() + product_bytes() + accumulator_bytes() + border_bytes();
  }
  std::byte* worker_scratch(const Task& task, int worker) const {
    return task.scratch + static_cast<std::size_t>(worker) * worker_bytes();
  }
  std::int64_t* transformed_chunk(const Task& task, int worker) const {
    return reinterpret_cast<std::int64_t*>(worker_scratch(task, worker));
  }

  /// One row of tiles. Those that overlap the padding are copied to where it is.
  void transform_row(const Task& task, int row, std::byte* to, std::byte* border) const {
    WinogradInput w;
    w.channels = channels_, w.place = static_cast<std::ptrdiff_t>(input_place());
    const int y = 2 * row - shape_.pad_top;
    const bool inside = y >= 0 && y + kBorder <= shape_.in_h;
    // Tiles [first, last) read pixels that exist only.
    const int first = inside ? std::clamp((shape_.pad_left + 1) / 2, 0, wide_) : wide_;
    const int last = inside ? std::clamp((shape_.in_w - kBorder + shape_.pad_left) / 2 + 1, first, wide_) : wide_;
    for (int i = 0; i < wide_;) {
      const int x = 2 * i - shape_.pad_left;
      w.to = to + bytes_of(i * channels_, kernel_.to);
      if (i >= first && i < last && shape_.in_w >= kBorder) {
        w.tiles = last - i;
        w.source = task.in.data + y * task.in.row + x * task.in.pixel;
        w.pixel = task.in.pixel, w.row = task.in.row;
      } else {
        copy_border(task.in, y, x, border);
        w.tiles = 1;
        w.source = border;
        w.pixel = channels_ * kernel_.from, w.row = kBorder * w.pixel;
      }
      kernel_.input(w);
      i += w.tiles;
    }
  }

  void copy_border(const ConstMap& in, int top, int left, std::byte* to) const {
    const std::size_t pixel = bytes_of(channels_, kernel_.from);
    const int pad = kernel_.from == 1 ? shape_.pad_value : 0;
    for (int y = top; y < top + kBorder; ++y)
      for (int x = left; x < left + kBorder; ++x, to += pixel) {
        if (y >= 0 && y < shape_.in_h && x >= 0 && x < shape_.in_w)
          std::memcpy(to, in.data + y * in.row + x * in.pixel, pixel);
        else std::memset(to, pad, pixel);
      }
  }

  void compute(const Task& task, int chunk, int split, int worker) const {
    std::byte* input = worker_scratch(task, worker) + kHeader;
    std::byte* products = input + input_bytes();
    std::byte* accumulators = products + product_bytes();
    const int first = chunk * rows_, rows = std::min(rows_, high_ - first);
    if (*transformed_chunk(task, worker) != chunk) {
      *transformed_chunk(task, worker) = chunk;
      for (int y = 0; y < rows; ++y)
        transform_row(task, first + y, input + bytes_of(y * wide_ * channels_, kernel_.to),
                      accumulators + accumulator_bytes());
    }
    const int blocks = static_cast<int>(weights_.blocks.size());
    for (int b = blocks * split / splits_; b < blocks * (split + 1) / splits_; ++b) {
      const PackedBlock& block = weights_.blocks[static_cast<std::size_t>(b)];
      multiply(block, input, rows * wide_, products);
      for (int y = 0; y < rows; ++y) {
        WinogradOutput w;
        w.source = products + bytes_of(y * wide_ * block.loop->groups, 64);
        w.place = static_cast<std::ptrdiff_t>(product_place());
        w.tiles = wide_, w.groups = block.loop->groups;
        w.to = accumulators;
        kernel_.output(w);
        finish(task, block, accumulators, 2 * (first + y));
      }
    }
  }

  /// Each place is a matrix product: [tile][step] x [step][channel of the block].
  void multiply(const PackedBlock& block, const std::byte* input, int tiles, std::byte* products) const {
    static constexpr std::ptrdiff_t kOneTap = 0;
    const std::size_t channels = bytes_of(block.loop->groups, 64);
    const int runs = (tiles + block.loop->max_pixels - 1) / block.loop->max_pixels;
    DenseTile tile;
    tile.pixel = channels_ * kernel_.to;
    tile.taps = &kOneTap, tile.tap_count = 1, tile.steps = weights_.steps;
    for (int p = 0; p < kWinogradPlaces; ++p) {
      tile.weights = weights_.bytes.data() + block.offset + static_cast<std::size_t>(p * weights_.steps) * channels;
      for (int i = 0; i < runs; ++i) {
        const int begin = tiles * i / runs;
        tile.pixels = tiles * (i + 1) / runs - begin;
        tile.source = input + static_cast<std::size_t>(p) * input_place() + bytes_of(begin * channels_, kernel_.to);
        tile.accumulators =
            products + static_cast<std::size_t>(p) * product_place() + static_cast<std::size_t>(begin) * channels;
        block.loop->functions[tile.pixels - 1](tile);
      }
    }
  }

  /// The two rows of pixels from `y` on.
  void finish(const Task& task, const PackedBlock& block, const std::byte* accumulators, int y) const {
    TailTile tail;
    tail.accumulator_pixel = std::ptrdiff_t{block.loop->groups} * 64;
    tail.first_group = block.first_group, tail.groups = block.loop->groups;
    tail.operand_pixel = tail_->operand_pixel(task.operand);
    tail.out_pixel = task.out.pixel;
    tail.pixels = shape_.out_w;
    for (int i = 0; i < 2 && y + i < shape_.out_h; ++i) {
      tail.accumulators = accumulators + i * 2 * wide_ * tail.accumulator_pixel;
      tail.operand = tail_->operand_at(task.operand, y + i, 0);
      tail.out = task.out.data + (y + i) * task.out.row;
      (*tail_)(tail);
    }
  }

  const ConvShape shape_;
  const WinogradVariant& variant_;
  const WinogradKernel& kernel_;
  const PackedWinograd weights_;
  const std::unique_ptr<const Tail> tail_;
  const int channels_;     ///< of the input, padded
  const int wide_, high_;  ///< tiles
  int groups_ = 1;         ///< of the largest block
  int rows_ = 1;           ///< of tiles in a chunk
  int chunks_ = 1, splits_ = 1;
};

}  // namespace

std::unique_ptr<Conv> make_winograd(const ConvJob& job, const WinogradVariant& variant) {
  const ConvShape& s = job.shape;
  if (s.depthwise || job.input != variant.input || s.kernel_h != 3 || s.kernel_w != 3 || s.stride_h != 1 ||
      s.stride_w != 1 || s.dilation_h != 1 || s.dilation_w != 1 || s.insert_h != 1 || s.insert_w != 1)
    return nullptr;
  const auto ranges = provable_ranges(job);
  if (!ranges) return nullptr;
  for (const Interval& r : *ranges)  // sums may pass int32's ends on the way, but not four times the result
    if (r.lo < INT32_MIN / 4 || r.hi > INT32_MAX / 4) return nullptr;
  auto weights = pack(job, *variant.kernel);
  if (!weights) return nullptr;
  return std::make_unique<Winograd>(job, variant, std::move(*weights), make_tail(job.tail, *ranges, variant.tail));
}

bool worth_winograd(const ConvJob& job) {
  const ConvShape& s = job.shape;
  const std::size_t weights =
      bytes_of(kWinogradPlaces * s.in_c, job.tail.real ? 4 : 2) * static_cast<std::size_t>(padded_channels(s.out_c));
  return s.in_c >= 32 && s.out_c >= 32 && s.out_h >= 6 && s.out_w >= 6 && weights <= kMostWeights;
}

}  // namespace ez_rknn::npu::kernels
