#include "npu/kernels/conv/pointwise.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "core/shared_bytes.hpp"
#include "npu/kernels/conv/dense_walk.hpp"
#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/conv/picture_windows.hpp"
#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kMostInputs = 512;   ///< whose weights for 64 outputs lie in L1
constexpr int kRunPixels = 24;     ///< whole runs of any block
constexpr int kChunkPixels = 240;  ///< with their results in L1
constexpr int kHeldPixels = 96;    ///< with their accumulators

/// The inputs of an output as the loops take them, as many as weights a channel has and some with weights of 0.
int inputs_of(const ConvShape& s, bool picture) {
  return picture ? s.kernel_h * s.kernel_w * PictureWindows::kPixel : s.in_c;
}

/// A channel's weights, window-sum factor included, moved so that none is negative.
struct ChannelWeights {
  std::span<const std::int16_t> plain;
  std::int32_t ow, moved;

  ChannelWeights(const ConvJob& job, int channel) {
    const std::size_t count = job.weights.integers.size() / static_cast<std::size_t>(job.shape.out_c);
    plain = std::span(job.weights.integers).subspan(static_cast<std::size_t>(channel) * count, count);
    ow = job.tail.ow ? job.tail.ow[static_cast<std::size_t>(channel)] : 0;
    moved = weight_range(job, channel).below_zero();
  }
  /// Of an input as the loops count them.
  std::byte of(const ConvShape& s, bool picture, int input) const {
    if (!picture) return static_cast<std::byte>(plain[static_cast<std::size_t>(input)] + ow + moved);
    const int tap = input / PictureWindows::kPixel, channel = input % PictureWindows::kPixel;
    if (channel >= s.in_c) return static_cast<std::byte>(moved);
    const int at = channel * s.kernel_h * s.kernel_w + tap;
    return static_cast<std::byte>(plain[static_cast<std::size_t>(at)] + ow + moved);
  }
};

class Pointwise final : public Conv {
 public:
  Pointwise(const ConvJob& job, const PointwiseVariant& variant, std::unique_ptr<const Tail> tail)
      : shape_(job.shape),
        variant_(variant),
        tail_(std::move(tail)),
        inputs_(inputs_of(shape_, PictureWindows::fit(shape_))),
        steps_((inputs_ + 3) / 4) {
    if (PictureWindows::fit(shape_)) windows_.emplace(shape_);
    std::size_t offset = 0;
    for (int group = 0, end = padded_channels(shape_.out_c) / kChannelAlign; group < end;) {
      const int groups = end - group >= 4 ? 4 : end - group >= 2 ? 2 : 1;
      blocks_.push_back({group * kChannelAlign, groups, lanes_of(group * kChannelAlign, groups), offset});
      offset += static_cast<std::size_t>(groups) * (kPointwiseVector + static_cast<std::size_t>(steps_) * 64);
      group += groups;
    }
    if (!tail_->floors()) factors_.assign(static_cast<std::size_t>(padded_channels(shape_.out_c)), 0);
    AlignedBuffer bytes(offset);
    for (const Block& b : blocks_) pack(job, b, bytes.data() + b.offset);
    weights_ = SharedBytes(std::move(bytes));
  }

  void run(const ConstMap& in, const ConstMap&, const Map& out, Team& team,
           std::span<std::byte> scratch) const override {
    Task task{in, out, in.pixel * shape_.stride_w, in.row * shape_.stride_h, shape_.out_w, shape_.out_h};
    const bool plain = shape_.stride_w == 1 && shape_.stride_h == 1 && in.row == in.pixel * shape_.out_w;
    if ((windows_ || plain) && out.row == out.pixel * shape_.out_w) task.width *= task.rows, task.rows = 1;
    const bool shared = team.size() > 1 && worth_sharing(team, work());
    const int most = tail_->floors() ? kChunkPixels : kHeldPixels;
    const int wanted = shared && task.rows == 1 ? (task.width / kItems + kRunPixels) / kRunPixels * kRunPixels : most;
    task.chunk = std::clamp(wanted, 2 * kRunPixels, most);
    task.chunks = (task.width + task.chunk - 1) / task.chunk;
    const int parts = task.chunks * task.rows;
    if (shared && parts < kItems)
      task.splits = std::min((kItems + parts - 1) / parts, static_cast<int>(blocks_.size()));
    const auto body = [&](std::size_t item, int worker) {
      compute(task, static_cast<int>(item), scratch.data() + static_cast<std::size_t>(worker) * worker_bytes());
    };
    share(team, static_cast<std::size_t>(parts) * static_cast<std::size_t>(task.splits), work(), body);
  }

  std::size_t scratch_bytes(int workers) const override {
    return static_cast<std::size_t>(std::max(workers, 1)) * worker_bytes();
  }
  std::size_t packed_bytes() const override { return weights_.size(); }
  std::uint64_t work() const override { return shape_.macs() + shape_.outputs() * tail_->work(); }
  std::string_view kernel() const override { return variant_.name; }

 private:
  struct Block {
    int first, groups;
    std::uint64_t lanes;
    std::size_t offset;
  };
  /// All pixels in one row where there are no gaps.
  struct Task {
    ConstMap in;
    Map out;
    std::ptrdiff_t pixel, row;  ///< of the source, from output to output
    int width, rows;
    int chunk = 0, chunks = 0;  ///< of a row
    int splits = 1;             ///< of the blocks
  };

  /// The sums of a chunk's inputs, then its accumulators, where they leave the loops, and windows.
  std::size_t accumulator_bytes() const { return tail_->floors() ? 0 : std::size_t{kHeldPixels} * 4 * 64; }
  std::size_t worker_bytes() const {
    const std::size_t windows =
        windows_ ? kChunkPixels * static_cast<std::size_t>(windows_->pitch()) + PictureWindows::kBehind : 0;
    return whole_lines(kChunkPixels * sizeof(std::int32_t) + accumulator_bytes() + windows);
  }

  std::uint64_t lanes_of(int first, int groups) const {
    std::uint64_t lanes = 0;
    for (int byte = 0; byte < 64; ++byte) {
      const int channel = first + pointwise_channel(groups, byte % 16 % (4 * groups) / 4, byte / 16 * 4 + byte % 4);
      if (channel < shape_.out_c) lanes |= std::uint64_t{1} << byte;
    }
    return lanes;
  }

  void pack(const ConvJob& job, const Block& b, std::byte* to) {
    const FusedParams* f = tail_->floors();
    std::byte* weights = to + b.groups * kPointwiseVector;
    for (int vector = 0; vector < b.groups; ++vector, to += kPointwiseVector)
      for (int lane = 0; lane < 16; ++lane) {
        const int channel = b.first + (f ? pointwise_channel(b.groups, vector, lane) : vector * kChannelAlign + lane);
        if (channel >= shape_.out_c) continue;
        const ChannelWeights w(job, channel);
        for (int i = 0; i < inputs_; ++i)
          weights[(i / 4 * b.groups + vector) * 64 + lane * 4 + i % 4] = w.of(shape_, windows_.has_value(), i);
        if (!f) {
          factors_[static_cast<std::size_t>(channel)] = -w.moved;
          continue;
        }
        const auto low = static_cast<std::uint16_t>(-w.moved), high = static_cast<std::uint16_t>(-64 * w.moved);
        const std::uint32_t back = static_cast<std::uint32_t>(high) << 16 | low;
        std::memcpy(to + lane * 4, f->bias + channel, 4);
        std::memcpy(to + 64 + lane * 4, &back, 4);
        std::memcpy(to + 128 + lane * 4, f->bs + channel, 4);
      }
  }

  void compute(const Task& task, int item, std::byte* scratch) const {
    const int split = item % task.splits, part = item / task.splits;
    const int y = part / task.chunks, x = part % task.chunks * task.chunk;
    auto* sums = reinterpret_cast<std::int32_t*>(scratch);
    PointwiseTile tile;
    tile.pixels = std::min(task.chunk, task.width - x);
    tile.source = task.in.data + y * task.row + x * task.pixel, tile.pixel = task.pixel;
    if (windows_) {
      std::byte* windows = scratch + kChunkPixels * sizeof(std::int32_t) + accumulator_bytes();
      windows_->gather(task.in, y * task.width + x, tile.pixels, windows);
      tile.source = windows, tile.pixel = windows_->pitch();
    }
    tile.steps = steps_, tile.tail = tail_->floors(), tile.sums = sums, tile.out_pixel = task.out.pixel;
    const auto sum = tile.tail ? variant_.kernel->sums : variant_.kernel->plain_sums;
    sum(tile.source, tile.pixel, tile.pixels, inputs_, sums);
    std::byte* out = task.out.data + y * task.out.row + x * task.out.pixel;
    const auto count = static_cast<int>(blocks_.size());
    for (int b = count * split / task.splits; b < count * (split + 1) / task.splits; ++b) {
      const Block& block = blocks_[static_cast<std::size_t>(b)];
      tile.weights = weights_.data() + block.offset, tile.lanes = block.lanes;
      tile.out = out + block.first;
      fetch_ahead(tile, b);
      if (!tile.tail) finish(tile, block, out, scratch + kChunkPixels * sizeof(std::int32_t));
      else variant_.kernel->functions[tile.tail->by_sign][block.groups / 2](tile);
    }
  }

  /// By any tail.
  void finish(const PointwiseTile& from, const Block& block, std::byte* out, std::byte* accumulators) const {
    variant_.kernel->accumulate[block.groups / 2](from, accumulators);
    TailTile tile;
    tile.accumulators = accumulators, tile.accumulator_pixel = std::ptrdiff_t{block.groups} * 64;
    tile.window_sums = from.sums, tile.window_factors = factors_.data();
    tile.pixels = from.pixels, tile.first_group = block.first / kChannelAlign, tile.groups = block.groups;
    tile.out = out, tile.out_pixel = from.out_pixel;
    (*tail_)(tile);
  }

  /// The next block's weights, where L2 does not keep them all.
  void fetch_ahead(PointwiseTile& tile, int b) const {
    const Block& block = blocks_[static_cast<std::size_t>(b)];
    const int pixels = tile.pixels;
    tile.ahead = tile.weights, tile.ahead_step = 0;
    if (weights_.size() <= kKeptBytes || static_cast<std::size_t>(b) + 1 == blocks_.size()) return;
    tile.ahead = weights_.data() + block.offset + (blocks_[1].offset - blocks_[0].offset);
    tile.ahead_step = std::max(1, block.groups * 64 / pixels);
  }

  const ConvShape shape_;
  const PointwiseVariant& variant_;
  const std::unique_ptr<const Tail> tail_;
  std::optional<PictureWindows> windows_;
  const int inputs_, steps_;
  std::vector<Block> blocks_;
  SharedBytes weights_;
  std::vector<std::int32_t> factors_;  ///< of the sums of inputs, a channel; for tails that are not floors
};

}  // namespace

std::unique_ptr<Conv> make_pointwise(const ConvJob& job, const PointwiseVariant& variant) {
  const ConvShape& s = job.shape;
  if (s.depthwise || job.input != ConvInput::i8) return nullptr;
  const bool single = s.kernel_h == 1 && s.kernel_w == 1 && reads_only_inside(s) && s.in_c <= kMostInputs;
  if (!single && !PictureWindows::fit(s)) return nullptr;
  if (single ? !may_round_by_floors(job.tail) : reads_operand(job.tail)) return nullptr;
  const auto ranges = provable_ranges(job);
  if (!ranges || !fit_unsigned(job)) return nullptr;
  auto tail = make_tail(job.tail, *ranges, variant.isa);
  if (single && !tail->floors()) return nullptr;
  return std::make_unique<Pointwise>(job, variant, std::move(tail));
}

}  // namespace ez_rknn::npu::kernels
