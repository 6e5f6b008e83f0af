#include "npu/kernels/conv/winograd.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/aligned.hpp"
#include "npu/kernels/conv/winograd_pack.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::size_t kKeptWeights = 512 << 10;  ///< bytes that stay in L2 from chunk to chunk
constexpr std::size_t kSmallChunk = 256 << 10;   ///< of transformed inputs and products: in L2 with the weights
constexpr std::size_t kMiddleChunk = 512 << 10;  ///< where every chunk transforms the weights anew
constexpr std::size_t kLargeChunk = 832 << 10;   ///< where it streams them anew, or transforms many

std::size_t bytes_of(int n, int element) { return static_cast<std::size_t>(n) * static_cast<std::size_t>(element); }
/// Bytes to fetch a step of an inner loop, of so many that its `runs` have time for: at least all of them.
int ahead_step(int bytes, int runs) { return (bytes + runs - 1) / runs; }

/// Of all weights, transformed.
std::size_t transformed_bytes(const ConvShape& s, const WinogradKernel& kernel) {
  const int slots = winograd_slots(kernel.tile, kernel.stride);
  return bytes_of(slots * slots * s.in_c, kernel.to) * static_cast<std::size_t>(padded_channels(s.out_c));
}

/// Of a chunk's transformed inputs and products.
std::size_t chunk_bytes(const ConvShape& s, const WinogradKernel& kernel, bool transformed) {
  if (transformed_bytes(s, kernel) > kKeptWeights) return kLargeChunk;
  return transformed ? kSmallChunk : kMiddleChunk;
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
        side_(kernel_.tile),
        step_(side_ * kernel_.stride),
        border_(winograd_pixels(side_, kernel_.stride)),
        axis_(winograd_places(side_, kernel_.stride)),
        places_(axis_ * axis_),
        pitch_(channels_ * (kernel_.stride == 2 ? 4 : 1)),
        wide_((shape_.out_w + side_ - 1) / side_),
        high_((shape_.out_h + side_ - 1) / side_),
        streamed_(weights_.bytes.size() > kKeptWeights) {
    for (const PackedBlock& b : weights_.blocks) groups_ = std::max(groups_, b.loop->groups);
    const std::size_t limit = chunk_bytes(shape_, kernel_, weights_.transformed);
    const std::size_t row = bytes_of(places_ * wide_, pitch_ * kernel_.to + groups_ * 64);
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
  std::uint64_t work() const override {
    return shape_.macs() / (kernel_.stride == 2 ? kStridedGain : kWinogradGain) + shape_.outputs() * tail_->work();
  }
  std::string_view kernel() const override { return variant_.name; }

 private:
  struct Task {
    ConstMap in, operand;
    Map out;
    std::byte* scratch;
  };
  static constexpr std::size_t kHeader = 64;

  int tiles() const { return rows_ * wide_; }
  /// From place to place: not a multiple of 4096, or they would share a set of L1.
  std::size_t input_place() const { return bytes_of(tiles() * pitch_, kernel_.to) + 64; }
  std::size_t product_place() const { return bytes_of(tiles() * groups_, 64) + 64; }
  std::size_t input_bytes() const { return places_ * input_place(); }
  std::size_t product_bytes() const { return places_ * product_place(); }
  std::size_t accumulator_bytes() const { return bytes_of(side_ * side_ * wide_ * groups_, 64); }
  /// Of a row of places of a block.
  std::size_t weight_bytes() const {
    if (weights_.transformed) return 0;
    const int slots = winograd_parts(side_, kernel_.stride, 0) * winograd_slots(side_, kernel_.stride);
    return bytes_of(slots * weights_.steps * groups_, 64) + bytes_of(axis_, kWinogradGap);
  }
  std::size_t border_bytes() const { return whole_lines(bytes_of(border_ * border_ * channels_, kernel_.from)); }
  std::size_t worker_bytes() const {
    return kHeader + input_bytes() + product_bytes() + accumulator_bytes() + weight_bytes() + border_bytes();
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
    const int y = step_ * row - shape_.pad_top;
    const bool inside = y >= 0 && y + border_ <= shape_.in_h;
    // Tiles [first, last) read pixels that exist only.
    const int first = inside ? std::clamp((shape_.pad_left + step_ - 1) / step_, 0, wide_) : wide_;
    const int last = inside ? std::clamp((shape_.in_w - border_ + shape_.pad_left) / step_ + 1, first, wide_) : wide_;
    for (int i = 0; i < wide_;) {
      const int x = step_ * i - shape_.pad_left;
      w.to = to + bytes_of(i * pitch_, kernel_.to);
      if (i >= first && i < last && shape_.in_w >= border_) {
        w.tiles = last - i;
        w.source = task.in.data + y * task.in.row + x * task.in.pixel;
        w.pixel = task.in.pixel, w.row = task.in.row;
      } else {
        copy_border(task.in, y, x, border);
        w.tiles = 1;
        w.source = border;
        w.pixel = channels_ * kernel_.from, w.row = border_ * w.pixel;
      }
      kernel_.input(w);
      i += w.tiles;
    }
  }

  void copy_border(const ConstMap& in, int top, int left, std::byte* to) const {
    const std::size_t pixel = bytes_of(channels_, kernel_.from);
    const int pad = kernel_.from == 1 ? shape_.pad_value : 0;
    for (int y = top; y < top + border_; ++y)
      for (int x = left; x < left + border_; ++x) {
        // Few bytes, so not by a call.
        if (y >= 0 && y < shape_.in_h && x >= 0 && x < shape_.in_w)
          for (std::size_t i = 0; i < pixel; i += 16, to += 16)
            std::memcpy(to, in.data + y * in.row + x * in.pixel + i, 16);
        else
          for (std::size_t i = 0; i < pixel; i += 16, to += 16) std::memset(to, pad, 16);
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
        transform_row(task, first + y, input + bytes_of(y * wide_ * pitch_, kernel_.to),
                      accumulators + accumulator_bytes() + weight_bytes());
    }
    const int blocks = static_cast<int>(weights_.blocks.size());
    for (int b = blocks * split / splits_; b < blocks * (split + 1) / splits_; ++b) {
      const PackedBlock& block = weights_.blocks[static_cast<std::size_t>(b)];
      multiply(block, input, rows * wide_, products, accumulators + accumulator_bytes());
      for (int y = 0; y < rows; ++y) {
        WinogradOutput w;
        w.source = products + bytes_of(y * wide_ * block.loop->groups, 64);
        w.place = static_cast<std::ptrdiff_t>(product_place());
        w.tiles = wide_, w.groups = block.loop->groups;
        w.to = accumulators;
        kernel_.output(w);
        finish(task, block, accumulators, side_ * (first + y));
      }
    }
  }

  /// Each place is a matrix product: [tile][step] x [step][channel of the block].
  void multiply(const PackedBlock& block, const std::byte* input, int tiles, std::byte* products,
                std::byte* transformed) const {
    static constexpr std::ptrdiff_t kOneTap = 0;
    const std::size_t channels = bytes_of(block.loop->groups, 64);
    const int runs = (tiles + block.loop->max_pixels - 1) / block.loop->max_pixels;
    DenseTile tile;
    tile.pixel = pitch_ * kernel_.to;
    tile.taps = &kOneTap, tile.tap_count = 1;
    tile.weights = weights_.bytes.data() + block.offset;
    const std::size_t gap = weights_.transformed ? 0 : kWinogradGap;
    if (!weights_.transformed && streamed_) {  // fetch the next block's meanwhile
      const int window = block.loop->groups * 9 * (weights_.wide ? 64 : 32),
                slots = winograd_slots(side_, kernel_.stride);
      tile.ahead = tile.weights + bytes_of(weights_.steps, window);
      tile.ahead_step = ahead_step(window, slots * slots * runs);
    }
    WinogradWeights weights{tile.weights, weights_.wide, nullptr, block.loop->groups, weights_.steps, 0, transformed};
    if (!weights_.base.empty()) weights.base = weights_.base.data() + bytes_of(block.first_group, 2 * kChannelAlign);
    for (int p = 0; p < places_; ++p, tile.weights += static_cast<std::size_t>(tile.steps) * channels + gap) {
      tile.steps = weights_.steps * winograd_parts(side_, kernel_.stride, p / axis_) *
                   winograd_parts(side_, kernel_.stride, p % axis_);
      if (weights_.transformed) {  // fetch the next place's weights while these multiply
        tile.ahead = streamed_ ? tile.weights + static_cast<std::size_t>(tile.steps) * channels : nullptr;
        tile.ahead_step = streamed_ ? ahead_step(64, runs) : 0;
      } else if (p % axis_ == 0) {
        weights.row = p / axis_;
        kernel_.weights(weights);
        tile.weights = transformed;
      }
      int begin = 0;
      const auto add = [&](int pixels, int count) {
        tile.pixels = pixels, tile.runs = count;
        tile.source = input + static_cast<std::size_t>(p) * input_place() + bytes_of(begin * pitch_, kernel_.to);
        tile.accumulators =
            products + static_cast<std::size_t>(p) * product_place() + static_cast<std::size_t>(begin) * channels;
        block.loop->functions[pixels - 1](tile);
        begin += pixels * count;
        if (tile.ahead) tile.ahead += tile.ahead_step * count * tile.steps;
      };
      const int longer = tiles % runs;
      if (longer > 0) add(tiles / runs + 1, longer);
      add(tiles / runs, runs - longer);
    }
  }

  /// The rows of pixels of a row of tiles, from `y` on.
  void finish(const Task& task, const PackedBlock& block, const std::byte* accumulators, int y) const {
    TailTile tail;
    tail.accumulator_pixel = std::ptrdiff_t{block.loop->groups} * 64;
    tail.first_group = block.first_group, tail.groups = block.loop->groups;
    tail.operand_pixel = tail_->operand_pixel(task.operand);
    tail.out_pixel = task.out.pixel;
    tail.pixels = shape_.out_w;
    for (int i = 0; i < side_ && y + i < shape_.out_h; ++i) {
      tail.accumulators = accumulators + i * side_ * wide_ * tail.accumulator_pixel;
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
  const int side_;         ///< outputs of a tile, along an axis
  const int step_;         ///< pixels from tile to tile
  const int border_;       ///< pixels of a tile with what it overlaps
  const int axis_;         ///< places of a transformed tile, along an axis
  const int places_;       ///< and all
  const int pitch_;        ///< elements from tile to tile at a place: all parts of it
  const int wide_, high_;  ///< tiles
  const bool streamed_;    ///< weights come from memory
  int groups_ = 1;         ///< of the largest block
  int rows_ = 1;           ///< of tiles in a chunk
  int chunks_ = 1, splits_ = 1;
};

}  // namespace

std::unique_ptr<Conv> make_winograd(const ConvJob& job, const WinogradVariant& variant) {
  const ConvShape& s = job.shape;
  if (s.depthwise || job.input != variant.input || s.kernel_h != 3 || s.kernel_w != 3 ||
      s.stride_h != variant.kernel->stride || s.stride_w != variant.kernel->stride || s.dilation_h != 1 ||
      s.dilation_w != 1 || s.insert_h != 1 || s.insert_w != 1)
    return nullptr;
  const auto ranges = provable_ranges(job);
  if (!ranges) return nullptr;
  const int most = variant.kernel->stride == 2 ? 1 : variant.kernel->tile == 4 ? 64 : 4;
  for (const Interval& r : *ranges)  // sums may pass int32's ends on the way, but not so many times the result
    if (r.lo < INT32_MIN / most || r.hi > INT32_MAX / most) return nullptr;
  auto weights = pack_winograd(job, *variant.kernel);
  if (!weights) return nullptr;
  return std::make_unique<Winograd>(job, variant, std::move(*weights), make_tail(job.tail, *ranges, variant.isa));
}

namespace {

constexpr double kCachedBytes = 1 << 20;

/// What transforms cost for sixteen channels of a tile of 4 x 4 outputs, of 2 x 2, and of 2 x 2 with stride 2; of
/// eight outputs' weights for an input, a chunk; and a byte of weights from memory: in vector operations on AVX2, of
/// which two of f32 take the time of one of int8. Fitted to benchmarks/kernel_bench and to layers of whole networks.
struct Cost {
  struct Side {
    double input, output, weights;
  };
  Side of_4, of_2, strided;
  double streaming;
};
constexpr Cost kBytes{{560, 860, 90}, {128, 240, 36}, {150, 210, 40}, 0.75};
constexpr Cost kHalves{{600, 500, 150}, {170, 140, 70}, {320, 150, 60}, 0.5};

/// What a layer costs by tiles of `side` outputs; 1: directly.
double operations(const ConvShape& s, bool real, int side) {
  const Cost& cost = real ? kHalves : kBytes;
  const bool strided = s.stride_h == 2;
  const double in_groups = (s.in_c + 15) / 16, out_groups = (s.out_c + 15) / 16;
  const double vectors = real ? 2 * out_groups : (s.out_c + 7) / 8;  // of eight channels
  const int slots = side == 1 ? 3 : winograd_slots(side, s.stride_h);
  const double inputs = side > 1 && strided ? 16 * in_groups : s.in_c;
  // A network's other layers have driven weights out of the caches; a small one's stay.
  const bool kept = keeps_transformed(s, real, slots);
  const double window = side == 1 ? 9 * 2 : kept ? 4 * slots * slots : real ? 9 * 2 : 9;
  const double streamed = std::max(window * inputs * s.out_c - kCachedBytes, 0.0) * cost.streaming;
  if (side == 1) return 9.0 * s.out_h * s.out_w * s.in_c * vectors + streamed;
  const double tiles = double((s.out_h + side - 1) / side) * ((s.out_w + side - 1) / side);
  const double products = slots * slots * inputs * vectors;
  const Cost::Side& transform = strided ? cost.strided : side == 4 ? cost.of_4 : cost.of_2;
  const int places = winograd_places(side, s.stride_h);
  const double chunks =
      std::ceil(places * places * tiles * (inputs * (strided ? 4 : 1) * (real ? 4 : 2) + 64) / kLargeChunk);
  constexpr double kLeastTiles = 5;  // fewer leave the registers of a block empty
  return std::max(tiles, kLeastTiles) * products +
         tiles * (transform.input * in_groups + transform.output * out_groups) +
         (kept ? 0 : chunks * transform.weights * inputs * vectors) + streamed;
}

}  // namespace

bool worth_winograd(const ConvJob& job, const WinogradVariant& variant) {
  const ConvShape& s = job.shape;
  const int side = variant.kernel->tile;
  if (s.stride_h != variant.kernel->stride || s.in_c <= kFewChannels) return false;  // it reads whole groups
  for (int other = side / 2; other > 0; other /= 2)
    if (operations(s, job.tail.real, other) <= operations(s, job.tail.real, side)) return false;
  return true;
}

}  // namespace ez_rknn::npu::kernels
