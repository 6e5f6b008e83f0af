/// Depthwise convolution over any of the inner loops: rows are staged, a run of pixels of a block of channels
/// accumulates, and the DPU's tail takes it from a buffer that stays in L1.
#include "npu/kernels/conv/depthwise.hpp"

#include <algorithm>
#include <vector>

#include "core/aligned.hpp"
#include "npu/kernels/conv/depthwise_pack.hpp"
#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/conv/stage.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::size_t kStagedBytes = 192 * 1024;

class Depthwise final : public Conv {
 public:
  Depthwise(const ConvJob& job, const DepthwiseVariant& variant, PackedDepthwise weights,
            std::unique_ptr<const Tail> tail)
      : shape_(job.shape),
        variant_(variant),
        weights_(std::move(weights)),
        lane_(variant.kernel->encoding == DepthwiseEncoding::f64 ? 8 : 4),
        tail_(std::move(tail)),
        line_(variant.kernel->finishes && !tail_->operand() ? tail_->sums_of_halves() : nullptr),
        blocks_((shape_.out_c + weights_.block_channels - 1) / weights_.block_channels),
        staging_(shape_, *variant.format, blocks_ * weights_.block_channels) {
    while (rows_ < (shape_.out_h + kItems - 1) / kItems && staging_.bytes(rows_ + 1) <= kStagedBytes) ++rows_;
    columns_ = {staging_.pixel(), shape_.kernel_w, shape_.dilation_w, staging_.step_w()};
    set_taps();
  }

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, Team& team,
           std::span<std::byte> scratch) const override {
    const auto chunks = static_cast<std::size_t>((shape_.out_h + rows_ - 1) / rows_);
    const auto body = [&](std::size_t chunk, int worker) {
      compute(in, operand, out, static_cast<int>(chunk) * rows_,
              scratch.data() + static_cast<std::size_t>(worker) * worker_bytes());
    };
    share(team, chunks, work(), body);
  }

  std::size_t scratch_bytes(int workers) const override {
    return static_cast<std::size_t>(std::max(workers, 1)) * worker_bytes();
  }
  std::size_t packed_bytes() const override { return weights_.bytes.size(); }
  std::uint64_t work() const override { return kDepthwiseWork * shape_.macs() + shape_.outputs() * tail_->work(); }
  std::string_view kernel() const override { return variant_.name; }

 private:
  void set_taps() {
    const int last_row = shape_.kernel_h - 1, taps = shape_.kernel_h * shape_.kernel_w;
    // Rows and taps that fill up a step read what their neighbour reads.
    if (variant_.kernel->encoding == DepthwiseEncoding::u8_s8) {
      for (int i = 0; i < weights_.steps / shape_.kernel_w * 4; ++i)
        taps_.push_back(std::min(i, last_row) * shape_.dilation_h * staging_.row());
      return;
    }
    for (int i = 0; i < weights_.steps * weights_.taps_per_step; ++i) {
      const int tap = std::min(i, taps - 1);
      taps_.push_back(tap / shape_.kernel_w * shape_.dilation_h * staging_.row() +
                      tap % shape_.kernel_w * shape_.dilation_w * staging_.pixel());
    }
  }

  std::size_t accumulator_bytes() const {
    return static_cast<std::size_t>(weights_.block_channels * lane_) * kDepthwisePixels;
  }
  std::size_t worker_bytes() const { return accumulator_bytes() + whole_lines(staging_.bytes(rows_)); }

  void compute(const ConstMap& in, const ConstMap& operand, const Map& out, int first, std::byte* scratch) const {
    std::byte* staged = scratch + accumulator_bytes();
    const int rows = std::min(rows_, shape_.out_h - first);
    staging_.fill(in, first, rows, shape_.in_w, staged);
    DepthwiseTile tile;
    tile.pixel = staging_.pixel() * staging_.step_w();
    tile.taps = taps_.data(), tile.columns = columns_;
    tile.steps = weights_.steps, tile.sets = weights_.sets;
    tile.accumulators = scratch;
    TailTile tail;
    tail.accumulators = scratch;
    tail.accumulator_pixel = std::ptrdiff_t{weights_.block_channels} * lane_;
    tail.operand_pixel = tail_->operand_pixel(operand);
    tail.out_pixel = out.pixel;
    LineFinish finish;
    if (line_) finish.lo = line_->lo, finish.hi = line_->hi, finish.out_pixel = out.pixel, tile.finish = &finish;
    const int groups = padded_channels(shape_.out_c) / kChannelAlign, per_block = weights_.block_channels / 16;
    for (int y = 0; y < rows; ++y)
      for (int b = 0; b < blocks_; ++b) {
        tile.weights = weights_.bytes.data() + static_cast<std::size_t>(b) * weights_.block_bytes;
        tail.first_group = b * per_block;
        tail.groups = tile.groups = std::min(per_block, groups - tail.first_group);
        const auto channel = static_cast<std::ptrdiff_t>(b) * weights_.block_channels;
        if (line_) finish.bias = line_->bias + channel, finish.lanes = tail_->lanes() + channel;
        const std::byte* row = staged + y * staging_.step_h() * staging_.row() + channel * variant_.format->element;
        for (int x = 0; x < shape_.out_w; x += kDepthwisePixels) {
          tile.source = row + x * tile.pixel;
          tile.pixels = tail.pixels = std::min(kDepthwisePixels, shape_.out_w - x);
          tail.out = out.data + (first + y) * out.row + x * out.pixel;
          finish.out = tail.out + channel * 2;
          variant_.kernel->function(tile);
          if (line_) continue;
          tail.operand = tail_->operand_at(operand, first + y, x);
          (*tail_)(tail);
        }
      }
  }

  const ConvShape shape_;
  const DepthwiseVariant& variant_;
  const PackedDepthwise weights_;
  const int lane_;  ///< bytes of an accumulator
  const std::unique_ptr<const Tail> tail_;
  const LinearParams* const line_;  ///< what the kernel finishes itself; null: nothing
  const int blocks_;
  const Staging staging_;
  int rows_ = 1;
  DepthwiseColumns columns_;
  std::vector<std::ptrdiff_t> taps_;
};

}  // namespace

std::unique_ptr<Conv> make_depthwise(const ConvJob& job, const DepthwiseVariant& variant) {
  if (!job.shape.depthwise || job.input != variant.input) return nullptr;
  const auto ranges = provable_ranges(job);
  if (!ranges) return nullptr;
  auto weights = pack_depthwise(job, variant.kernel->encoding);
  if (!weights) return nullptr;
  const auto accumulator = variant.kernel->encoding == DepthwiseEncoding::f64 ? Accumulator::f64 : Accumulator::i32_f32;
  return std::make_unique<Depthwise>(job, variant, std::move(*weights),
                                     make_tail(job.tail, *ranges, variant.isa, accumulator));
}

}  // namespace ez_rknn::npu::kernels
