/// Dense convolution over any of the inner loops: rows of the input are staged (or read where they are), blocks of
/// output pixels accumulate in registers, and the DPU's tail takes them from a buffer that stays in L1.
#include <algorithm>

#include "npu/kernels/conv/dense.hpp"
#include "npu/kernels/conv/dense_walk.hpp"
#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::size_t kLineWeights = 16 * 1024;  ///< of the blocks that fill a cache line together
constexpr int kLineBlocks = 4;
constexpr std::size_t kL2Weights = 1 << 20;
constexpr int kStepBytes = 64;   ///< of a group's weights a step, or half as many
constexpr int kTailPixels = 96;  ///< of runs whose accumulators the tail takes together

class Dense final : public Conv {
 public:
  Dense(const ConvJob& job, const DenseVariant& variant, PackedWeights weights, const RunShape& run,
        std::unique_ptr<const Tail> tail, bool direct)
      : shape_(job.shape),
        variant_(variant),
        weights_(std::move(weights)),
        lane_(lane_bytes(variant.kernel->encoding)),
        merged_(run.merged),
        direct_(direct),
        tail_(std::move(tail)),
        line_(variant.kernel->finishes ? tail_->sums_of_halves() : nullptr),
        plain_({job.shape, job.shape.out_w}, *variant.format, run.channels, weights_, direct) {
    const ConvShape& s = shape_;
    if (s.kernel_h == 1 && s.kernel_w == 1 && s.stride_h == 1 && s.stride_w == 1 && reads_only_inside(s) &&
        s.in_h == s.out_h && s.in_w == s.out_w)
      flat_ = std::make_unique<Walk>(flattened(s), *variant.format, run.channels, weights_, direct);
  }

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, Team& team,
           std::span<std::byte> scratch) const override {
    Task task{in, operand, out, &plain_, scratch.data()};
    if (flat_ && gapless(in) && gapless(out) && (!tail_->operand() || tail_->per_channel() || gapless(operand))) {
      task.walk = flat_.get();
      const int width = flat_->view.shape.out_w;
      task.in.row = width * in.pixel, task.out.row = width * out.pixel, task.operand.row = width * operand.pixel;
    }
    auto* taps = reinterpret_cast<std::ptrdiff_t*>(scratch.data());
    task.taps = taps;
    set_taps(task, taps);
    const Walk& w = *task.walk;
    const std::size_t items = static_cast<std::size_t>(w.chunks) * static_cast<std::size_t>(w.splits);
    for (int i = 0; i < team.size(); ++i) *staged_chunk(task, i) = -1;
    const auto body = [&](std::size_t item, int worker) {
      const auto splits = static_cast<std::size_t>(w.splits);
      compute(task, static_cast<int>(item / splits), static_cast<int>(item % splits), worker);
    };
    share(team, items, work(), body);
  }

  std::size_t scratch_bytes(int workers) const override {
    return taps_bytes() + static_cast<std::size_t>(std::max(workers, 1)) * worker_bytes();
  }
  std::size_t packed_bytes() const override { return weights_.bytes.size(); }
  std::uint64_t work() const override { return shape_.macs() + shape_.outputs() * tail_->work(); }
  std::string_view kernel() const override { return variant_.name; }

 private:
  struct Task {
    ConstMap in, operand;
    Map out;
    const Walk* walk;
    std::byte* scratch;
    const std::ptrdiff_t* taps = nullptr;
  };
  static constexpr std::size_t kHeader = 64;

  /// A worker's scratch, in order: the staged chunk's number, accumulators, widened weights, staged rows, sums.
  struct Worker {
    std::byte *accumulators, *widened, *staged;
    std::int32_t *pixel_sums, *column, *sums;
  };

  template <class M>
  bool gapless(const M& m) const {
    return m.row == m.pixel * shape_.out_w;
  }
  /// Pixels whose accumulators wait for the tail.
  int held_pixels(const PackedBlock& b) const {
    return pairs() ? 2 * b.loop->max_pixels : std::max(b.loop->max_pixels, kTailPixels);
  }
  bool pairs() const { return variant_.kernel->end != nullptr; }
  int loops() const { return static_cast<int>(weights_.blocks.size()); }
  std::size_t taps_bytes() const {
    return whole_lines(static_cast<std::size_t>(weights_.taps) * sizeof(std::ptrdiff_t));
  }
  std::size_t accumulator_bytes() const {
    std::size_t most = 0;
    for (const PackedBlock& b : weights_.blocks)
      most = std::max(most, static_cast<std::size_t>(b.loop->groups * held_pixels(b) * lane_) * 16);
    return most;
  }
  /// Weights of a block, where they are kept as bytes.
  std::size_t widened_bytes() const {
    return weights_.base.empty() ? 0 : static_cast<std::size_t>(weights_.steps) * kChannelAlign * 4;
  }
  std::size_t walk_bytes(const Walk& w) const {
    return w.staged + (weights_.window_sums() ? w.pixel_sums + w.column + w.sums : 0);
  }
  std::size_t worker_bytes() const {
    return kHeader + accumulator_bytes() + widened_bytes() +
           std::max(walk_bytes(plain_), flat_ ? walk_bytes(*flat_) : 0);
  }
  std::byte* worker_scratch(const Task& task, int worker) const {
    return task.scratch + taps_bytes() + static_cast<std::size_t>(worker) * worker_bytes();
  }
  std::int64_t* staged_chunk(const Task& task, int worker) const {
    return reinterpret_cast<std::int64_t*>(worker_scratch(task, worker));
  }
  Worker parts(const Task& task, int worker) const {
    const Walk& w = *task.walk;
    Worker p{};
    std::byte* at = worker_scratch(task, worker) + kHeader;
    p.accumulators = at, at += accumulator_bytes();
    p.widened = at, at += widened_bytes();
    p.staged = at, at += w.staged;
    p.pixel_sums = reinterpret_cast<std::int32_t*>(at), at += w.pixel_sums;
    p.column = reinterpret_cast<std::int32_t*>(at), at += w.column;
    p.sums = reinterpret_cast<std::int32_t*>(at);
    return p;
  }

  std::ptrdiff_t pixel(const Task& t) const { return direct_ ? t.in.pixel : t.walk->staging.pixel(); }
  std::ptrdiff_t row(const Task& t) const { return direct_ ? t.in.row : t.walk->staging.row(); }
  void set_taps(const Task& task, std::ptrdiff_t* taps) const {
    for (int ky = 0; ky < shape_.kernel_h; ++ky) {
      const std::ptrdiff_t at = ky * shape_.dilation_h * row(task);
      if (merged_) *taps++ = at;
      else
        for (int kx = 0; kx < shape_.kernel_w; ++kx) *taps++ = at + kx * shape_.dilation_w * pixel(task);
    }
  }

  /// Where the windows of the chunk's first output row begin.
  const std::byte* prepare(const Task& task, int chunk, int rows, int worker, const Worker& parts) const {
    const Walk& w = *task.walk;
    const int first = chunk * w.rows;
    const std::byte* source =
        direct_ ? task.in.data + static_cast<std::ptrdiff_t>(first) * shape_.stride_h * task.in.row : parts.staged;
    std::int64_t* staged = staged_chunk(task, worker);
    if (*staged == chunk) return source;
    *staged = chunk;
    const bool short_row = first + rows == w.view.shape.out_h && task.walk == flat_.get();
    if (!direct_) {
      // Only the last row of a flattened map is short, and it is staged with the width of all: its own is enough.
      const int whole = short_row ? rows - 1 : rows;
      if (whole > 0) w.staging.fill(task.in, first, whole, w.view.shape.in_w, parts.staged);
      if (short_row) w.staging.fill(task.in, first + whole, 1, w.view.last_width, parts.staged + whole * row(task));
    }
    if (weights_.window_sums()) {
      for (int y = 0; y < w.source_rows(rows); ++y) {
        const int width = short_row && y == rows - 1 ? w.view.last_width : w.width;
        variant_.kernel->sums->pixels(source + y * row(task), pixel(task), width, shape_.in_c,
                                      parts.pixel_sums + static_cast<std::ptrdiff_t>(y) * w.width);
      }
      const WindowShape window{shape_.kernel_h, shape_.kernel_w,   w.step_h,
                               w.step_w,        shape_.dilation_h, shape_.dilation_w};
      variant_.kernel->sums->windows(window, parts.pixel_sums, w.width, rows, w.view.shape.out_w,
                                     weights_.factor != 0 ? weights_.factor : 1, parts.column, parts.sums);
    }
    return source;
  }

  void compute(const Task& task, int chunk, int split, int worker) const {
    const Walk& w = *task.walk;
    const int first_row = chunk * w.rows, rows = std::min(w.rows, w.view.shape.out_h - first_row);
    const Worker p = parts(task, worker);
    const std::byte* source = prepare(task, chunk, rows, worker, p);
    const int begin = loops() * split / w.splits, end = loops() * (split + 1) / w.splits;
    DenseTile tile;
    tile.pixel = pixel(task) * w.step_w;
    tile.taps = task.taps, tile.tap_count = weights_.taps, tile.steps = weights_.steps;
    tile.accumulators = p.accumulators;
    const auto block_rows = [&](int b, int first, int count) {
      const PackedBlock& block = weights_.blocks[static_cast<std::size_t>(b)];
      tile.weights = weights_.bytes.data() + block.offset;
      if (!weights_.base.empty()) {
        const std::int16_t* base = weights_.base.data() + block.first_group * 2 * kChannelAlign;
        variant_.kernel->widen(tile.weights, base, weights_.steps, p.widened);
        tile.weights = p.widened;
      }
      Runs runs(*this, task, block, tile);
      for (int y = first; y < first + count; ++y) {
        const bool last = first_row + y == w.view.shape.out_h - 1;
        const std::int32_t* sums =
            weights_.window_sums() ? p.sums + static_cast<std::ptrdiff_t>(y) * w.view.shape.out_w : nullptr;
        add_row(runs, block, source + y * w.step_h * row(task), sums, first_row + y,
                last ? w.view.last_width : w.view.shape.out_w);
      }
      if (pairs()) runs.flush();
    };
    if (const int side_by_side = blocks_of_a_line(w); side_by_side > 1) {
      for (int b = begin; b < end; b += side_by_side)
        for (int y = 0; y < rows; ++y)
          for (int i = b; i < std::min(b + side_by_side, end); ++i) block_rows(i, y, 1);
    } else {
      for (int b = begin; b < end; ++b) fetch_ahead(tile, b, chunk, rows, w), block_rows(b, 0, rows);
    }
    if (pairs()) variant_.kernel->end();
  }

  /// Blocks that take turns row by row, so that their results fill a cache line while it is near, as an operand's is:
  /// as many as have their weights in L1.
  int blocks_of_a_line(const Walk& w) const {
    if (&w != flat_.get() || pairs() || loops() == 0 || !weights_.base.empty()) return 1;
    const std::size_t bytes = weights_.bytes.size() / static_cast<std::size_t>(loops());
    return static_cast<int>(std::clamp<std::size_t>(kLineWeights / bytes, 1, kLineBlocks));
  }

  /// The next block's weights come from memory while this one's multiply.
  void fetch_ahead(DenseTile& tile, int b, int chunk, int rows, const Walk& w) const {
    const DenseBlock& loop = *weights_.blocks[static_cast<std::size_t>(b)].loop;
    const int next = b + 1 < loops() ? b + 1 : 0, pixels = loop.max_pixels;
    const int runs = (w.view.shape.out_w + pixels - 1) / pixels * rows;
    tile.ahead = nullptr, tile.ahead_step = 0;
    const bool kept = weights_.widened_bytes() <= kKeptBytes && chunk > 0;
    if (kept || (next == 0 && w.chunks == 1) || runs > kStepBytes) return;
    tile.ahead = weights_.bytes.data() + weights_.blocks[static_cast<std::size_t>(next)].offset;
    const int step = (weights_.base.empty() ? kStepBytes : kStepBytes / 2) * loop.groups;
    tile.ahead_step = (step + runs - 1) / runs;
  }

  /// Up to max_pixels neighbouring output pixels.
  struct Run {
    const std::byte* source;
    const std::int32_t* sums;  ///< of their windows; null: not needed
    int y, x;
  };

  /// Computes runs, two at a time where the kernel takes pairs, and finishes them: to set up a tail for a few pixels
  /// costs as much as to finish them, so it gets as many neighbours as there are.
  class Runs {
   public:
    Runs(const Dense& dense, const Task& task, const PackedBlock& block, DenseTile& tile)
        : dense_(dense), task_(task), block_(block), tile_(tile), buffer_(tile.accumulators) {
      tail_.accumulator_pixel = std::ptrdiff_t{block.loop->groups} * 16 * dense.lane_;
      tail_.window_factors = dense.weights_.factors.data();
      tail_.first_group = block.first_group, tail_.groups = block.loop->groups;
      tail_.operand_pixel = dense.tail_->operand_pixel(task.operand);
      tail_.out_pixel = task.out.pixel;
      if (const LinearParams* line = dense.line_) {
        const auto channel = static_cast<std::size_t>(block.first_group) * kChannelAlign;
        finish_.bias = line->bias + channel, finish_.lanes = dense.tail_->lanes() + channel;
        finish_.lo = line->lo, finish_.hi = line->hi;
        finish_.operand_pixel = tail_.operand_pixel, finish_.out_pixel = task.out.pixel;
        tile.finish = &finish_;
      }
    }
    ~Runs() { tile_.accumulators = buffer_, tile_.finish = nullptr; }
    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;

    void add_to_pair(const Run& run, int pixels) {
      if (held_ > 0 && pixels != tile_.pixels) flush();
      tile_.pixels = pixels;
      pair_[held_++] = run;
      if (held_ == 2) flush();
    }
    /// `count` runs of a row, from `first` on.
    void add_to_row(Run first, int pixels, int count) {
      tile_.pixels = pixels;
      if (tile_.finish) {
        const std::ptrdiff_t channel = std::ptrdiff_t{block_.first_group} * kChannelAlign * 2;
        finish_.out = out_at(first) + channel;
        if (const std::byte* operand = operand_at(first)) finish_.operand = operand + channel;
        tile_.source = first.source, tile_.runs = count;
        return call(pixels);
      }
      while (count > 0) {
        if (held_ + pixels > dense_.held_pixels(block_)) finish_row();
        if (held_ == 0) pair_[0] = first;
        tile_.runs = std::min(count, (dense_.held_pixels(block_) - held_) / pixels);
        tile_.source = first.source;
        tile_.starts = dense_.weights_.factor != 0 ? first.sums : nullptr;
        tile_.accumulators = buffer_ + held_ * tail_.accumulator_pixel;
        call(pixels);
        const int done = tile_.runs * pixels;
        held_ += done, count -= tile_.runs;
        first.source += done * tile_.pixel, first.x += done;
        if (first.sums) first.sums += done;
      }
    }
    void finish_row() {
      if (held_ > 0) finish(pair_[0], held_, buffer_);
      held_ = 0;
    }
    std::ptrdiff_t pixel() const { return tile_.pixel; }
    void flush() {
      if (held_ == 0) return;
      tile_.source = pair_[0].source;
      tile_.second = held_ == 2 ? pair_[1].source : nullptr;
      block_.loop->functions[tile_.pixels - 1](tile_);
      for (int i = 0; i < held_; ++i)
        finish(pair_[i], tile_.pixels, buffer_ + i * block_.loop->max_pixels * tail_.accumulator_pixel);
      held_ = 0;
    }

   private:
    void call(int pixels) {
      block_.loop->functions[pixels - 1](tile_);
      if (tile_.ahead) tile_.ahead += tile_.ahead_step * tile_.runs * tile_.steps * tile_.tap_count;
    }
    std::byte* out_at(const Run& run) const { return task_.out.data + run.y * task_.out.row + run.x * task_.out.pixel; }
    const std::byte* operand_at(const Run& run) const { return dense_.tail_->operand_at(task_.operand, run.y, run.x); }
    void finish(const Run& run, int pixels, const std::byte* accumulators) {
      tail_.accumulators = accumulators;
      tail_.pixels = pixels;
      tail_.window_sums = dense_.weights_.factor != 0 ? nullptr : run.sums;
      tail_.operand = operand_at(run);
      tail_.out = out_at(run);
      (*dense_.tail_)(tail_);
    }

    const Dense& dense_;
    const Task& task_;
    const PackedBlock& block_;
    DenseTile& tile_;
    std::byte* const buffer_;
    TailTile tail_;
    LineFinish finish_;
    Run pair_[2] = {};  ///< the pair, or where the row of held pixels begins
    int held_ = 0;      ///< runs of the pair, or pixels of the row
  };

  void add_row(Runs& runs, const PackedBlock& block, const std::byte* source, const std::int32_t* sums, int y,
               int width) const {
    const int count = (width + block.loop->max_pixels - 1) / block.loop->max_pixels;
    const auto at = [&](int x) { return Run{source + x * runs.pixel(), sums ? sums + x : nullptr, y, x}; };
    if (pairs()) {
      // Setting tiles up for another number of pixels costs more than computing the last few twice.
      const int pixels = (width + count - 1) / count;
      for (int i = 0; i < count; ++i) runs.add_to_pair(at(std::min(i * pixels, width - pixels)), pixels);
      return;
    }
    // Even runs rather than full ones and a rest.
    const int pixels = width / count, longer = width % count;
    if (longer > 0) runs.add_to_row(at(0), pixels + 1, longer);
    runs.add_to_row(at(longer * (pixels + 1)), pixels, count - longer);
    runs.finish_row();
  }

  const ConvShape shape_;
  const DenseVariant& variant_;
  const PackedWeights weights_;
  const int lane_;  ///< bytes of an accumulator
  const bool merged_, direct_;
  const std::unique_ptr<const Tail> tail_;
  const LinearParams* const line_;  ///< what the kernel finishes itself; null: nothing
  const Walk plain_;
  std::unique_ptr<const Walk> flat_;
};

}  // namespace

std::unique_ptr<Conv> make_dense(const ConvJob& job, const DenseVariant& variant) {
  const ConvShape& s = job.shape;
  if (s.depthwise || job.input != variant.input) return nullptr;
  const auto ranges = provable_ranges(job);
  if (!ranges) return nullptr;
  // Read the map where it is when nothing has to be padded or converted and few of the channels read are padding.
  const bool direct = variant.format->source == variant.format->element && variant.kernel->sums &&
                      reads_only_inside(s) && padded_channels(s.in_c) * 3 <= s.in_c * 4;
  RunShape run{!direct && s.dilation_w == 1, direct ? padded_channels(s.in_c) : s.in_c};
  if (variant.kernel->encoding == DenseEncoding::bf16_tiles) {
    run.channels = (s.in_c + kPartChannels - 1) / kPartChannels * kPartChannels;
    if (run.channels * 3 > s.in_c * 4) return nullptr;  // too many of them would be padding
  }
  // Tiles of 64 bytes: a run that leaves most of them empty (the first layer's) is quicker without.
  const int run_bytes = run.merged ? s.kernel_w * run.channels : run.channels;
  if (variant.kernel->encoding == DenseEncoding::s8_tiles && run_bytes % 64 != 0 && run_bytes < 32) return nullptr;
  auto weights = pack_dense(job, run, *variant.kernel);
  if (!weights) return nullptr;
  auto tail = make_tail(job.tail, *ranges, variant.isa,
                        lane_bytes(variant.kernel->encoding) == 8 ? Accumulator::f64 : Accumulator::i32_f32);
  return std::make_unique<Dense>(job, variant, std::move(*weights), run, std::move(tail), direct);
}

bool worth_halves(const ConvJob& job) { return job.weights.reals.size() * sizeof(float) > kL2Weights; }

}  // namespace ez_rknn::npu::kernels
