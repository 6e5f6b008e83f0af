#include "npu/kernels/conv/depthwise_direct.hpp"

#include <algorithm>
#include <cstring>

#include "core/shared_bytes.hpp"
#include "npu/kernels/conv/pack.hpp"
#include "npu/kernels/dpu/tail.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr int kFour = 4;  ///< rows, channels of a group in a quarter, and quarters

/// The groups of block `b`: all but the last have four.
int groups_of(const ConvShape& s, int b) {
  return std::min(kDirectChannels, padded_channels(s.out_c) - b * kDirectChannels) / kChannelAlign;
}

class DepthwiseDirect final : public Conv {
 public:
  DepthwiseDirect(const ConvJob& job, const DirectVariant& variant, const DirectLoop& loop,
                  std::unique_ptr<const Tail> tail)
      : shape_(job.shape),
        variant_(variant),
        loop_(loop),
        tail_(std::move(tail)),
        blocks_((shape_.out_c + kDirectChannels - 1) / kDirectChannels),
        block_bytes_(kFour * 64 * (3 + static_cast<std::size_t>(loop.fours() * loop.kernel * loop.rows))) {
    const int units = (shape_.out_h + loop.rows - 1) / loop.rows;
    units_ = std::max(1, units / kItems), chunks_ = (units + units_ - 1) / units_;
    pack(job);
    std::memset(pad_, shape_.pad_value, sizeof(pad_));
  }

  void run(const ConstMap& in, const ConstMap&, const Map& out, Team& team, std::span<std::byte>) const override {
    const auto body = [&](std::size_t chunk, int) {
      const int rows = units_ * loop_.rows, first = static_cast<int>(chunk) * rows;
      for (int y = first; y < std::min(first + rows, shape_.out_h); y += loop_.rows) compute(in, out, y);
    };
    share(team, static_cast<std::size_t>(chunks_), work(), body);
  }

  std::size_t scratch_bytes(int) const override { return 0; }
  std::size_t packed_bytes() const override { return weights_.size(); }
  std::uint64_t work() const override { return kDepthwiseWork * shape_.macs() + shape_.outputs() * tail_->work(); }
  std::string_view kernel() const override { return variant_.name; }

 private:
  void pack(const ConvJob& job) {
    AlignedBuffer bytes(static_cast<std::size_t>(blocks_) * block_bytes_);
    for (int b = 0; b < blocks_; ++b) {
      std::byte* to = bytes.data() + static_cast<std::size_t>(b) * block_bytes_;
      for (int quarter = 0; quarter < kFour; ++quarter) to = pack_quarter(job, b, quarter, to);
    }
    weights_ = SharedBytes(std::move(bytes));
  }

  std::byte* pack_quarter(const ConvJob& job, int b, int quarter, std::byte* to) const {
    const FusedParams& f = *tail_->floors();
    const int groups = groups_of(shape_, b), pieces = pieces_of(groups), size = loop_.kernel;
    int channels[16];  // -1: none
    for (int lane = 0; lane < 16; ++lane) {
      const int group = pieces > 1 ? lane / kFour % groups : lane / kFour;
      const int channel = b * kDirectChannels + group * kChannelAlign + quarter * kFour + lane % kFour;
      channels[lane] = group < groups && channel < shape_.out_c ? channel : -1;
    }
    const auto weight = [&](int channel, int row, int column) {
      if (channel < 0 || row < 0 || row >= size) return 0;
      const auto c = static_cast<std::size_t>(channel);
      return job.weights
                 .integers[c * static_cast<std::size_t>(size * size) + static_cast<std::size_t>(row * size + column)] +
             (job.tail.ow ? job.tail.ow[c] : 0);
    };
    std::int32_t moved[16];
    for (int lane = 0; lane < 16; ++lane) {
      const int c = channels[lane];
      moved[lane] = c < 0 ? 0 : weight_range(job, c).below_zero();
      const std::int32_t start = c < 0 ? 0 : f.bias[c], back = -moved[lane] & 0xffff;
      const float slope = c < 0 ? 0.0f : f.bs[c];
      std::memcpy(to + lane * 4, &start, 4);
      std::memcpy(to + 64 + lane * 4, &back, 4);
      std::memcpy(to + 128 + lane * 4, &slope, 4);
    }
    to += 192;
    for (int four = 0; four < loop_.fours(); ++four)
      for (int column = 0; column < size; ++column)
        for (int output = 0; output < loop_.rows; ++output)
          for (int lane = 0; lane < 16; ++lane)
            for (int i = 0; i < kFour; ++i) {
              const int row = four * kFour + i - output * loop_.stride;
              *to++ = static_cast<std::byte>(weight(channels[lane], row, column) + moved[lane]);
            }
    return to;
  }

  /// Output rows from y on, as many as the loop takes at once.
  void compute(const ConstMap& in, const Map& out, int y) const {
    DirectTile tile;
    tile.pad = pad_;
    tile.pad_left = shape_.pad_left, tile.in_w = shape_.in_w, tile.out_w = shape_.out_w;
    tile.tail = tail_->floors();
    tile.out_pixel = out.pixel, tile.out_row = out.row;
    tile.out_rows = std::min(loop_.rows, shape_.out_h - y);
    const int top = y * shape_.stride_h - shape_.pad_top, last = (loop_.rows - 1) * loop_.stride + loop_.kernel - 1;
    for (int b = 0; b < blocks_; ++b) {
      const std::ptrdiff_t channel = std::ptrdiff_t{b} * kDirectChannels;
      for (int i = 0; i < loop_.fours() * kFour; ++i) {  // rows beyond the windows have weights of 0
        const int row = top + std::min(i, last);
        const bool inside = row >= 0 && row < shape_.in_h;
        tile.rows[i] = inside ? DirectTile::Row{in.data + row * in.row + channel, in.pixel} : DirectTile::Row{pad_, 0};
      }
      const int groups = groups_of(shape_, b), carry = std::min(shape_.out_c - b * kDirectChannels, groups * 16);
      tile.lanes = ~std::uint64_t{0} >> (64 - carry);
      for (int i = 1; i < pieces_of(groups); ++i) tile.lanes |= tile.lanes << (groups * 16);
      tile.weights = weights_.data() + static_cast<std::size_t>(b) * block_bytes_;
      tile.out = out.data + y * out.row + channel;
      loop_.functions[groups - 1](tile);
    }
  }

  const ConvShape shape_;
  const DirectVariant& variant_;
  const DirectLoop& loop_;
  const std::unique_ptr<const Tail> tail_;
  const int blocks_;
  const std::size_t block_bytes_;
  int units_ = 1, chunks_ = 1;  ///< units: of a chunk
  SharedBytes weights_;
  alignas(64) std::byte pad_[64];
};

}  // namespace

std::unique_ptr<Conv> make_depthwise_direct(const ConvJob& job, const DirectVariant& variant) {
  const ConvShape& s = job.shape;
  if (!s.depthwise || job.input != ConvInput::i8) return nullptr;
  if (s.insert_h != 1 || s.insert_w != 1 || s.dilation_h != 1 || s.dilation_w != 1) return nullptr;
  const auto loop = std::ranges::find_if(variant.kernel->loops, [&](const DirectLoop& l) {
    return l.kernel == s.kernel_h && l.kernel == s.kernel_w && l.stride == s.stride_h && l.stride == s.stride_w;
  });
  if (loop == std::end(variant.kernel->loops) || !may_round_by_floors(job.tail) || !fit_unsigned(job)) return nullptr;
  const auto ranges = provable_ranges(job);
  if (!ranges) return nullptr;
  auto tail = make_tail(job.tail, *ranges, variant.isa);
  if (!tail->floors() || tail->floors()->by_sign) return nullptr;
  return std::make_unique<DepthwiseDirect>(job, variant, *loop, std::move(tail));
}

}  // namespace ez_rknn::npu::kernels
