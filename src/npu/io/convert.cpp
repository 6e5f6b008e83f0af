#include "npu/io/convert.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <vector>

#include "ez_rknn/error.hpp"
#include "npu/io/channels.hpp"
#include "npu/io/pixels.hpp"
#include "npu/io/planes.hpp"
#include "npu/io/scatter.hpp"
#include "npu/kernels/map.hpp"

namespace ez_rknn::npu::io {
namespace {

struct Axis {
  std::int64_t extent = 1;
  std::ptrdiff_t from = 0, to = 0;  // strides, in elements
  bool channel = false;             // to be kept apart
};

/// The tensor as nested loops: outer axes around tiles of p x q, where q is the axis the source lies along and p the
/// one the target lies along (or the source's second, if that is q too).
struct Nest {
  std::vector<Axis> outer;
  Axis p, q;
  std::int64_t p_step = 1, q_step = 1;
  int pad = 0;
  bool one_run = false;  // a tile is contiguous in the source: pixels with all their channels

  std::int64_t p_tiles() const { return (p.extent + p_step - 1) / p_step; }
  std::int64_t q_tiles() const { return (q.extent + q_step - 1) / q_step; }
  std::int64_t tiles() const {
    std::int64_t n = p_tiles() * q_tiles();
    for (const Axis& a : outer) n *= a.extent;
    return n;
  }
};

Nest nest_of(const ConstTensorView& from, const TensorView& to, bool per_channel, int pad) {
  std::vector<Axis> axes;
  for (int i = 0; i < to.shape.rank(); ++i) {
    const bool channel = i == 1 && (per_channel || pad > 0);
    if (to.shape[i] > 1 || channel) axes.push_back({to.shape[i], from.strides[i], to.strides[i], channel});
  }
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.from > b.from; });
  for (std::size_t i = 0; i + 1 < axes.size();) {
    const Axis &a = axes[i], &b = axes[i + 1];
    const bool together = !a.channel && !b.channel && a.from == b.from * b.extent && a.to == b.to * b.extent;
    if (!together) {
      ++i;
      continue;
    }
    axes[i] = {a.extent * b.extent, b.from, b.to};
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }

  Nest nest;
  nest.pad = pad;
  if (axes.empty()) return nest;
  nest.q = axes.back();
  axes.pop_back();
  if (!axes.empty()) {
    auto p = axes.end() - 1;
    const auto target = std::min_element(axes.begin(), axes.end(), [](auto& a, auto& b) { return a.to < b.to; });
    if (target->to < nest.q.to) p = target;
    nest.p = *p;
    axes.erase(p);
  }
  nest.outer = std::move(axes);

  constexpr std::int64_t kElements = kRun, kEdge = 64;
  nest.q_step = std::min(nest.q.extent, kEdge);
  nest.p_step = std::min(nest.p.extent, kElements / nest.q_step);
  nest.q_step = std::min(nest.q.extent, kElements / nest.p_step);
  nest.one_run = !nest.p.channel && nest.q_step == nest.q.extent && nest.q.from == 1 && nest.p.from == nest.q.extent;
  return nest;
}

class Job {
 public:
  Job(const ConstTensorView& from, const TensorView& to, ChannelScale scale, int pad)
      : from_(from),
        to_(to),
        from_size_(static_cast<std::ptrdiff_t>(size_of(from.dtype))),
        to_size_(static_cast<std::ptrdiff_t>(size_of(to.dtype))),
        nest_(nest_of(from, to, scale.per_channel(), pad)) {
    const bool bits = from.dtype == to.dtype && from.quant == to.quant && scale.mean.empty();
    choose_pixels(scale);
    choose_planes(scale);
    if (!bits)
      convert_ =
          make_run_converter({from.dtype, to.dtype, from.quant, to.quant}, std::move(scale), to.shape.elements());
  }

  void run(Team* team) const {
    constexpr std::int64_t kWorthSharing = 64 * 1024;
    const auto tiles = static_cast<std::size_t>(nest_.tiles());
    if (team && to_.shape.elements() >= kWorthSharing)
      return team->for_each(tiles, [&](std::size_t i, int) { tile(static_cast<std::int64_t>(i)); });
    for (std::size_t i = 0; i < tiles; ++i) tile(static_cast<std::int64_t>(i));
  }

 private:
  /// Whether tiles are planes that become padded pixels.
  void choose_pixels(const ChannelScale& scale) {
    const PixelRuns* runs = pixel_runs();
    narrow_ = nest_.q.to == PixelRun::kMostChannels;
    const bool planes = nest_.p.channel && nest_.p.to == 1 && nest_.q.from == 1;
    const bool fits = planes && (narrow_ || nest_.q.to == kernels::kChannelAlign) &&
                      nest_.p.extent <= PixelRun::kMostChannels && nest_.p.extent + nest_.pad == nest_.q.to &&
                      nest_.p_step == nest_.p.extent;
    if (!runs || !fits || from_.dtype != DType::f32 || from_.quant != Quant{}) return;
    if (std::abs(std::int64_t{to_.quant.zero_point}) > PixelRun::kMostZeroPoint) return;
    if (to_.dtype == DType::i8) pixels_ = runs->to_i8;
    if (to_.dtype == DType::f16) pixels_ = runs->to_f16;
    mean_ = scale.mean, std_ = scale.std;
    if (!mean_.empty()) mean_.resize(PixelRun::kMostChannels, mean_[0]), std_.resize(PixelRun::kMostChannels, std_[0]);
  }

  /// Whether tiles are pixels, channels last, that become planes.
  void choose_planes(const ChannelScale& scale) {
    const bool halves = from_.dtype == DType::f16 && from_.quant == Quant{};
    if ((from_.dtype != DType::i8 && !halves) || to_.dtype != DType::f32 || !scale.mean.empty() || nest_.pad > 0)
      return;
    one_channel_ = nest_.p.extent == 1 && nest_.q.to == 1;
    const bool pixels = one_channel_ || (nest_.q.from == 1 && nest_.p.to == 1);
    const PlaneRuns* runs = plane_runs();
    if (!runs || !pixels || pixel_axis().from * from_size_ < PlaneRun::needs_pitch(channel_axis().extent, from_size_))
      return;
    planes_ = halves ? runs->f16 : runs->i8;
    if (one_channel_) return;
    nest_.p_step = std::min(nest_.p.extent, PlaneRun::kPixels);
    nest_.q_step = std::min(nest_.q.extent, PlaneRun::kBytes / from_size_);
    nest_.one_run = false;
  }
  const Axis& pixel_axis() const { return one_channel_ ? nest_.q : nest_.p; }
  const Axis& channel_axis() const { return one_channel_ ? nest_.p : nest_.q; }

  void run_planes(const std::byte* from, const Tile& t, std::byte* to) const {
    PlaneRun r;
    r.channels = static_cast<int>(one_channel_ ? t.p : t.q);
    r.pixels = static_cast<std::size_t>(one_channel_ ? t.q : t.p);
    r.from = from, r.pixel = pixel_axis().from * from_size_;
    r.zero_point = static_cast<float>(from_.quant.zero_point), r.scale = from_.quant.scale;
    r.to = to, r.plane = channel_axis().to * to_size_;
    planes_(r);
  }

  void run_pixels(const std::byte* from, const Tile& t, std::byte* to) const {
    PixelRun r;
    for (std::ptrdiff_t c = 0; c < t.p; ++c)
      r.planes[c] = reinterpret_cast<const float*>(from + c * nest_.p.from * from_size_);
    r.channels = static_cast<int>(t.p);
    if (!mean_.empty()) r.mean = mean_.data(), r.std = std_.data();
    r.scale = to_.quant.scale, r.zero_point = to_.quant.zero_point;
    r.pixels = static_cast<std::size_t>(t.q), r.to = to, r.narrow = narrow_;
    pixels_(r);
  }

  void tile(std::int64_t index) const {
    const std::int64_t q0 = index % nest_.q_tiles() * nest_.q_step;
    index /= nest_.q_tiles();
    const std::int64_t p0 = index % nest_.p_tiles() * nest_.p_step;
    index /= nest_.p_tiles();
    std::ptrdiff_t from_at = p0 * nest_.p.from + q0 * nest_.q.from, to_at = p0 * nest_.p.to + q0 * nest_.q.to;
    std::int64_t channel = nest_.p.channel ? p0 : nest_.q.channel ? q0 : 0;
    for (auto a = nest_.outer.rbegin(); a != nest_.outer.rend(); ++a) {
      const std::int64_t i = index % a->extent;
      index /= a->extent;
      from_at += i * a->from;
      to_at += i * a->to;
      if (a->channel) channel = i;
    }
    const std::byte* from = from_.data + from_at * from_size_;
    std::byte* to = to_.data + to_at * to_size_;

    Tile t;
    t.p = std::min(nest_.p_step, nest_.p.extent - p0);
    t.q = std::min(nest_.q_step, nest_.q.extent - q0);
    t.to_p = nest_.p.to;
    t.to_q = nest_.q.to;
    t.pad_q = nest_.q.channel;
    const bool last_channel = t.pad_q ? q0 + t.q == nest_.q.extent : nest_.p.channel && p0 + t.p == nest_.p.extent;
    t.pad = last_channel ? nest_.pad : 0;
    if (pixels_ && t.q >= std::ptrdiff_t(PixelRun::kLeast)) return run_pixels(from, t, to);
    if (planes_ && (one_channel_ ? t.q : t.p) >= std::ptrdiff_t(PlaneRun::kLeast)) return run_planes(from, t, to);
    if (!convert_) {
      t.from_p = nest_.p.from;
      t.from_q = nest_.q.from;
      return scatter(from, to, static_cast<std::size_t>(to_size_), t);
    }
    if (t.p == 1 && t.to_q == 1 && t.pad == 0) return runs(from, channel, t, to);
    alignas(64) std::byte values[kRun * sizeof(std::int64_t)];
    runs(from, channel, t, values);
    t.from_p = t.q;
    t.from_q = 1;
    scatter(values, to, static_cast<std::size_t>(to_size_), t);
  }

  /// The tile's values, row after row.
  void runs(const std::byte* from, std::int64_t channel, const Tile& t, std::byte* to) const {
    const auto first = static_cast<std::size_t>(channel);
    if (nest_.one_run) {
      const auto n = static_cast<std::size_t>(t.p * t.q);
      if (nest_.q.channel) convert_->all_channels(from, 1, n, first, to);
      else convert_->one_channel(from, 1, n, first, to);
      return;
    }
    const auto n = static_cast<std::size_t>(t.q);
    for (std::ptrdiff_t p = 0; p < t.p; ++p) {
      const std::byte* row = from + p * nest_.p.from * from_size_;
      if (nest_.q.channel) convert_->all_channels(row, nest_.q.from, n, first, to + p * t.q * to_size_);
      else
        convert_->one_channel(row, nest_.q.from, n, first + static_cast<std::size_t>(nest_.p.channel ? p : 0),
                              to + p * t.q * to_size_);
    }
  }

  const ConstTensorView from_;
  const TensorView to_;
  const std::ptrdiff_t from_size_, to_size_;
  Nest nest_;
  std::unique_ptr<RunConverter> convert_;      // none: bits move
  void (*pixels_)(const PixelRun&) = nullptr;  // none: in two steps
  bool narrow_ = false;                        // of pixels_
  void (*planes_)(const PlaneRun&) = nullptr;  // the same
  bool one_channel_ = false;                   // of planes_: pixels lie along q, there are no channels
  std::vector<float> mean_, std_;              // of pixels_: one a channel, or empty
};

/// What of the file's normalisation concerns a tensor of this shape.
ChannelScale scale_of(const file::Normalisation* n, const Dims& shape) {
  if (!n || shape.rank() < 2 || shape[1] < 1) return {};
  const auto channels = static_cast<std::size_t>(shape[1]);
  if (n->mean.size() < channels || n->std.size() < channels) return {};
  const auto c = static_cast<std::ptrdiff_t>(channels);
  ChannelScale s{{n->mean.begin(), n->mean.begin() + c}, {n->std.begin(), n->std.begin() + c}};
  const auto all = [](const std::vector<float>& v, float x) {
    return std::all_of(v.begin(), v.end(), [x](float y) { return x == y; });
  };
  if (all(s.mean, 0.0f) && all(s.std, 1.0f)) return {};
  if (all(s.mean, s.mean[0]) && all(s.std, s.std[0])) s.mean.resize(1), s.std.resize(1);
  return s;
}

/// The user's channel for each of the tensor's; nothing when they are in the same order.
std::optional<std::vector<std::int64_t>> order_of(const file::Normalisation* n, const Dims& shape) {
  if (!n || shape.rank() < 2 || static_cast<std::int64_t>(n->order.size()) < shape[1]) return {};
  std::vector<std::int64_t> order(n->order.begin(), n->order.begin() + shape[1]);
  bool same = true;
  for (std::size_t c = 0; c < order.size(); ++c) {
    if (order[c] < 0 || order[c] >= shape[1]) return {};
    same = same && order[c] == static_cast<std::int64_t>(c);
  }
  if (same) return {};
  return order;
}

}  // namespace

int padding_of(const TensorView& view) {
  if (view.shape.rank() < 2 || view.strides[1] != 1) return 0;
  std::int64_t pitch = INT64_MAX;
  for (int i = 0; i < view.shape.rank(); ++i)
    if (i != 1) pitch = std::min(pitch, view.strides[i]);
  const std::int64_t channels = view.shape[1], padded = kernels::padded_channels(static_cast<int>(channels));
  return pitch > channels ? static_cast<int>(std::min(pitch, padded) - channels) : 0;
}

void convert(const ConstTensorView& from, const TensorView& to, int padding, const file::Normalisation* normalisation,
             Team* team) {
  if (from.shape != to.shape)
    throw InvalidArgument("tensor of shape " + to_string(from.shape) + " given for one of " + to_string(to.shape));
  for (DType t : {from.dtype, to.dtype})
    if (t == DType::i4) throw Unsupported("conversion of int4 tensors");
  if (to.shape.elements() <= 0) return;

  ChannelScale scale = scale_of(normalisation, to.shape);
  const auto order = order_of(normalisation, to.shape);
  if (!order) return Job(from, to, std::move(scale), padding).run(team);

  const std::int64_t channels = to.shape[1];
  for (std::int64_t c = 0; c < channels; ++c) {
    ConstTensorView one_from = from;
    TensorView one_to = to;
    one_from.shape[1] = one_to.shape[1] = 1;
    one_from.data += (*order)[static_cast<std::size_t>(c)] * from.strides[1] * std::int64_t(size_of(from.dtype));
    one_to.data += c * to.strides[1] * std::int64_t(size_of(to.dtype));
    ChannelScale one = scale;
    if (scale.per_channel()) {
      one.mean = {scale.mean[static_cast<std::size_t>(c)]};
      one.std = {scale.std[static_cast<std::size_t>(c)]};
    }
    Job(one_from, one_to, std::move(one), c + 1 == channels ? padding : 0).run(team);
  }
}

}  // namespace ez_rknn::npu::io
