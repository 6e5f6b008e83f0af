#include "npu/kernels/conv/strassen.hpp"

#include <algorithm>
#include <cstring>

#include "core/aligned.hpp"
#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::size_t kChunkBytes = 384 * 1024;  ///< of sums of inputs: in L2
constexpr int kTailPixels = 96;                  ///< of a half, whose products the tail takes together
constexpr std::int32_t kMostWeight = 1 << 14;    ///< sums of two fit 16 bits

/// Of every block of 16 outputs and the 16 half the outputs further: [product][step][16 channels][2 inputs], 16 bits.
SharedBytes pack(const ConvJob& job) {
  const auto inputs = static_cast<std::size_t>(job.shape.in_c), outputs = static_cast<std::size_t>(job.shape.out_c);
  const std::size_t half = inputs / 2, product = half * 16;  // elements
  AlignedBuffer bytes(outputs / 32 * kStrassenProducts * product * 2);
  auto* to = reinterpret_cast<std::int16_t*>(bytes.data());
  for (std::size_t oc = 0; oc < outputs / 2; ++oc) {
    const std::int16_t* first = job.weights.integers.data() + oc * inputs;
    const std::int16_t* second = first + outputs / 2 * inputs;
    const int ow[2] = {job.tail.ow ? job.tail.ow[oc] : 0, job.tail.ow ? job.tail.ow[oc + outputs / 2] : 0};
    std::int16_t* channel = to + oc / 16 * kStrassenProducts * product + oc % 16 * 2;
    for (std::size_t k = 0; k < half; ++k) {
      const int b11 = first[k] + ow[0], b21 = first[k + half] + ow[0];
      const int b12 = second[k] + ow[1], b22 = second[k + half] + ow[1];
      const int of[kStrassenProducts] = {b11 + b22, b11, b12 - b22, b21 - b11, b22, b11 + b12, b21 + b22};
      std::int16_t* at = channel + k / 2 * 32 + k % 2;
      for (int m = 0; m < kStrassenProducts; ++m, at += product) *at = static_cast<std::int16_t>(of[m]);
    }
  }
  return SharedBytes(std::move(bytes));
}

/// Pixels as rows of two halves each: the map's, or, where it has no gaps, all in one sequence cut into rows.
struct Rows {
  int width, count, last_width;

  static int half(int width) { return (width + 1) / 2; }
};

class Strassen final : public Conv {
 public:
  Strassen(const ConvJob& job, const StrassenVariant& variant, std::unique_ptr<const Tail> tail)
      : shape_(job.shape),
        variant_(variant),
        kernel_(*variant.kernel),
        weights_(pack(job)),
        tail_(std::move(tail)),
        loop_(kernel_.products->blocks[0]),
        blocks_(shape_.out_c / 32),
        plain_{shape_.out_w, shape_.out_h, shape_.out_w} {
    const int pixels = shape_.out_h * shape_.out_w;
    const std::size_t pair = static_cast<std::size_t>(kStrassenProducts) * static_cast<std::size_t>(shape_.in_c);
    const int most = 2 * static_cast<int>(std::max<std::size_t>(kChunkBytes / pair, 1));
    const int count = (pixels + most - 1) / most;
    flat_.width = (pixels + count - 1) / count;
    flat_.count = (pixels + flat_.width - 1) / flat_.width;
    flat_.last_width = pixels - (flat_.count - 1) * flat_.width;
  }

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, Team& team,
           std::span<std::byte> scratch) const override {
    Task task{in, operand, out, &plain_, scratch.data()};
    if (gapless(in) && gapless(out) && (!tail_->operand() || tail_->per_channel() || gapless(operand))) {
      task.rows = &flat_;
      task.in.row = flat_.width * in.pixel, task.out.row = flat_.width * out.pixel;
      task.operand.row = flat_.width * operand.pixel;
    }
    for (int i = 0; i < team.size(); ++i) *summed_row(task, i) = -1;
    const int splits = std::clamp((kItems + task.rows->count - 1) / task.rows->count, 1, blocks_);
    const auto body = [&](std::size_t item, int worker) {
      const int row = static_cast<int>(item) / splits, split = static_cast<int>(item) % splits;
      compute(task, row, blocks_ * split / splits, blocks_ * (split + 1) / splits, worker);
    };
    share(team, static_cast<std::size_t>(task.rows->count * splits), work(), body);
  }

  std::size_t scratch_bytes(int workers) const override {
    return static_cast<std::size_t>(std::max(workers, 1)) * worker_bytes();
  }
  std::size_t packed_bytes() const override { return weights_.size(); }
  std::uint64_t work() const override { return shape_.macs() * 7 / 8 + shape_.outputs() * tail_->work(); }
  std::string_view kernel() const override { return variant_.name; }

 private:
  struct Task {
    ConstMap in, operand;
    Map out;
    const Rows* rows;
    std::byte* scratch;
  };
  static constexpr std::size_t kHeader = 64;
  /// From product to product: not a multiple of 4096, or they would share a set of L1.
  static constexpr std::size_t kProduct = std::size_t{kTailPixels} * 64 + 64;

  template <class M>
  bool gapless(const M& m) const {
    return m.row == m.pixel * shape_.out_w;
  }
  int steps() const { return shape_.in_c / 4; }
  std::size_t input_product() const {
    const int half = std::max(Rows::half(plain_.width), Rows::half(flat_.width));
    return static_cast<std::size_t>(half) * static_cast<std::size_t>(shape_.in_c) + 64;
  }
  std::size_t worker_bytes() const {
    return kHeader + kStrassenProducts * kProduct + whole_lines(kStrassenProducts * input_product());
  }
  /// Of which row the worker has the inputs' sums.
  std::int64_t* summed_row(const Task& task, int worker) const {
    return reinterpret_cast<std::int64_t*>(task.scratch + static_cast<std::size_t>(worker) * worker_bytes());
  }

  void compute(const Task& task, int row, int begin, int end, int worker) const {
    std::int64_t* summed = summed_row(task, worker);
    std::byte* products = reinterpret_cast<std::byte*>(summed) + kHeader;
    std::byte* input = products + kStrassenProducts * kProduct;
    // Halves of an odd number of pixels share one.
    const int width = row + 1 == task.rows->count ? task.rows->last_width : task.rows->width;
    const int half = Rows::half(width), right = width - half;
    if (*summed != row) {
      *summed = row;
      StrassenInput s;
      s.left = task.in.data + row * task.in.row, s.right = s.left + right * task.in.pixel;
      s.pixel = task.in.pixel, s.pixels = half, s.channels = shape_.in_c / 2;
      s.to = input, s.product = static_cast<std::ptrdiff_t>(input_product());
      kernel_.input(s);
    }
    const int pieces = (half + kTailPixels - 1) / kTailPixels;
    for (int b = begin; b < end; ++b)
      for (int i = 0; i < pieces; ++i) {
        const int first = half * i / pieces, pixels = half * (i + 1) / pieces - first;
        multiply(b, input + std::ptrdiff_t{first} * shape_.in_c, pixels, pieces, products);
        kernel_.output({products, static_cast<std::ptrdiff_t>(kProduct), pixels});
        for (int side = 0; side < 2; ++side) {
          const int skip = side == 1 && first == 0 ? half - right : 0;  // the shared pixel is done
          for (int group = 0; group < 2; ++group)
            finish(task, products + static_cast<std::size_t>(kStrassenResults[side][group]) * kProduct + skip * 64,
                   b + group * blocks_, row, side * right + first + skip, pixels - skip);
        }
      }
  }

  void multiply(int block, const std::byte* input, int pixels, int pieces, std::byte* products) const {
    static constexpr std::ptrdiff_t kOneTap = 0;
    const int runs = (pixels + loop_.max_pixels - 1) / loop_.max_pixels, longer = pixels % runs;
    const std::size_t bytes = static_cast<std::size_t>(steps()) * 64;
    DenseTile tile;
    tile.pixel = shape_.in_c;
    tile.taps = &kOneTap, tile.tap_count = 1, tile.steps = steps();
    tile.weights = weights_.data() + static_cast<std::size_t>(block) * kStrassenProducts * bytes;
    const int all_runs = runs * pieces;
    for (int m = 0; m < kStrassenProducts; ++m, tile.weights += bytes) {
      if (all_runs < 64) tile.ahead = tile.weights + bytes, tile.ahead_step = (64 + runs - 1) / runs;
      tile.source = input + static_cast<std::size_t>(m) * input_product();
      tile.accumulators = products + static_cast<std::size_t>(m) * kProduct;
      const auto add = [&](int count, int n) {
        tile.pixels = n, tile.runs = count;
        loop_.functions[n - 1](tile);
        tile.source += count * n * tile.pixel, tile.accumulators += count * n * 64;
        if (tile.ahead) tile.ahead += tile.ahead_step * count * tile.steps;
      };
      if (longer > 0) add(longer, pixels / runs + 1);
      add(runs - longer, pixels / runs);
    }
  }

  void finish(const Task& task, const std::byte* accumulators, int group, int row, int x, int pixels) const {
    if (pixels == 0) return;
    TailTile tail;
    tail.accumulators = accumulators, tail.accumulator_pixel = 64;
    tail.first_group = group, tail.groups = 1, tail.pixels = pixels;
    tail.operand = tail_->operand_at(task.operand, row, x), tail.operand_pixel = tail_->operand_pixel(task.operand);
    tail.out = task.out.data + row * task.out.row + x * task.out.pixel, tail.out_pixel = task.out.pixel;
    (*tail_)(tail);
  }

  const ConvShape shape_;
  const StrassenVariant& variant_;
  const StrassenKernel& kernel_;
  const SharedBytes weights_;
  const std::unique_ptr<const Tail> tail_;
  const DenseBlock& loop_;
  const int blocks_;  ///< of 32 outputs
  const Rows plain_;
  Rows flat_{};
};

}  // namespace

std::unique_ptr<Conv> make_strassen(const ConvJob& job, const StrassenVariant& variant) {
  const ConvShape& s = job.shape;
  if (s.depthwise || job.input != variant.input || s.kernel_h != 1 || s.kernel_w != 1 || s.stride_h != 1 ||
      s.stride_w != 1 || s.insert_h != 1 || s.insert_w != 1 || s.pad_top != 0 || s.pad_left != 0 || s.in_h < s.out_h ||
      s.in_w < s.out_w || s.in_c % 32 != 0 || s.out_c % 32 != 0)
    return nullptr;
  const auto ranges = provable_ranges(job);
  if (!ranges) return nullptr;
  const auto inputs = static_cast<std::size_t>(s.in_c);
  for (std::size_t i = 0; i < job.weights.integers.size(); ++i) {
    const std::int32_t w = job.weights.integers[i] + (job.tail.ow ? job.tail.ow[i / inputs] : 0);
    if (w <= -kMostWeight || w >= kMostWeight) return nullptr;
  }
  return std::make_unique<Strassen>(job, variant, make_tail(job.tail, *ranges, variant.isa));
}

bool worth_strassen(const ConvJob& job) {
  // Its weights are 7/4 as many, of 16 bits: with more inputs they take more memory than they save time.
  const ConvShape& s = job.shape;
  return s.in_c >= 64 && s.in_c <= 128 && s.out_c >= 64 && s.out_h * s.out_w >= 128;
}

}  // namespace ez_rknn::npu::kernels
