#include "npu/kernels/conv/transposed.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <type_traits>

#include "core/aligned.hpp"
#include "npu/kernels/dpu/dpu_ref.hpp"

namespace ez_rknn::npu::kernels {
namespace {

/// Outputs first, first + insert, ... along one axis.
struct Grid {
  int first, outputs;
  int tap, taps;  ///< of the kernel: tap, tap + insert, ...
  int skip, pad;  ///< input pixels before the first window, and padding of it
};

std::vector<Grid> grids_of(int outputs, int kernel, int insert, int pad) {
  std::vector<Grid> grids;
  for (int p = 0; p < std::min(insert, outputs); ++p) {
    const int tap = ((pad - p) % insert + insert) % insert;
    const int start = (p + tap - pad) / insert;  // of output p's window, in input pixels
    grids.push_back({p, (outputs - p + insert - 1) / insert, tap, (kernel - tap + insert - 1) / insert,
                     std::max(start, 0), std::max(-start, 0)});
  }
  return grids;
}

bool divides(int kernel, int insert, int stride, int dilation) {
  return insert == 1 || (kernel >= insert && stride == 1 && dilation == 1);
}

/// The weights of one grid, and what the other taps add to each channel: they meet the padding value.
class Part {
 public:
  Part(const ConvJob& job, const Grid& y, const Grid& x) : job_(job), y_(y), x_(x) {
    const ConvShape& s = job.shape;
    const int kernels = s.out_c * (s.depthwise ? 1 : s.in_c);
    for (int k = 0; k < kernels; ++k)
      for (int ky = 0; ky < s.kernel_h; ++ky)
        for (int kx = 0; kx < s.kernel_w; ++kx) take((k * s.kernel_h + ky) * s.kernel_w + kx, ky, kx);
  }

  ConvShape shape() const {
    ConvShape s = job_.shape;
    s.in_h -= y_.skip, s.in_w -= x_.skip;
    s.out_h = y_.outputs, s.out_w = x_.outputs;
    if (s.insert_h > 1) s.kernel_h = y_.taps, s.pad_top = y_.pad;
    if (s.insert_w > 1) s.kernel_w = x_.taps, s.pad_left = x_.pad;
    s.insert_h = s.insert_w = 1;
    return s;
  }

  /// The DPU with that addition; nothing when it has no room for it.
  std::optional<DpuLayer> tail() const {
    DpuLayer tail = job_.tail;
    const ConvShape& s = job_.shape;
    if (tail.real || s.pad_value == 0) return tail;
    const bool adds = tail.bs && tail.bs->alu == Alu::add && !tail.bs->mul_first;
    if (tail.accumulator_shift > 0 || (tail.bs && !adds)) return std::nullopt;
    const int per_channel = s.depthwise ? 1 : s.in_c;
    const std::int64_t left_out =
        std::int64_t{per_channel} * (std::int64_t{s.kernel_h} * s.kernel_w - std::int64_t{y_.taps} * x_.taps);
    std::vector<std::int32_t> values;
    for (int c = 0; c < s.out_c; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      const std::int64_t ow = tail.ow ? tail.ow[channel] : 0;
      const std::int64_t v =
          (tail.bs ? tail.bs->alu_value[channel] : 0) + s.pad_value * (others_[channel] + ow * left_out);
      if (v != static_cast<std::int32_t>(v)) return std::nullopt;
      values.push_back(static_cast<std::int32_t>(v));
    }
    if (!tail.bs) tail.bs.emplace().alu = Alu::add;
    tail.bs->alu_value.values = std::move(values);
    return tail;
  }

  ConvWeights weights;

 private:
  static bool on(const Grid& g, int insert, int tap) {
    return insert == 1 || (tap >= g.tap && (tap - g.tap) % insert == 0);
  }

  void take(int index, int ky, int kx) {
    const ConvShape& s = job_.shape;
    const auto i = static_cast<std::size_t>(index);
    const bool mine = on(y_, s.insert_h, ky) && on(x_, s.insert_w, kx);
    if (job_.tail.real) {
      if (mine) weights.reals.push_back(job_.weights.reals[i]);
      return;
    }
    const std::int16_t w = job_.weights.integers[i];
    if (mine) weights.integers.push_back(w);
    else others_[i / (job_.weights.integers.size() / others_.size())] += w;
  }

  const ConvJob& job_;
  const Grid &y_, &x_;
  std::vector<std::int64_t> others_ = std::vector<std::int64_t>(static_cast<std::size_t>(job_.shape.out_c));
};

class Transposed final : public Conv {
 public:
  struct Plain {
    std::unique_ptr<Conv> conv;
    Grid y, x;
  };

  Transposed(const ConvShape& shape, bool strided_operand, std::vector<Plain> parts)
      : insert_h_(shape.insert_h),
        insert_w_(shape.insert_w),
        strided_operand_(strided_operand),
        parts_(std::move(parts)) {}

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, Team& team,
           std::span<std::byte> scratch) const override {
    for (const Plain& p : parts_) {
      const ConstMap from{in.data + p.y.skip * in.row + p.x.skip * in.pixel, in.pixel, in.row};
      p.conv->run(from, strided_operand_ ? grid(operand, p) : operand, grid(out, p), team, scratch);
    }
  }
  std::size_t scratch_bytes(int workers) const override {
    std::size_t most = 0;
    for (const Plain& p : parts_) most = std::max(most, p.conv->scratch_bytes(workers));
    return most;
  }
  std::size_t packed_bytes() const override {
    std::size_t sum = 0;
    for (const Plain& p : parts_) sum += p.conv->packed_bytes();
    return sum;
  }
  std::uint64_t work() const override {
    std::uint64_t sum = 0;
    for (const Plain& p : parts_) sum += p.conv->work();
    return sum;
  }
  std::string_view kernel() const override { return parts_.front().conv->kernel(); }

 private:
  template <class M>
  M grid(const M& m, const Plain& p) const {
    return {m.data + p.y.first * m.row + p.x.first * m.pixel, m.pixel * insert_w_, m.row * insert_h_};
  }

  const int insert_h_, insert_w_;
  const bool strided_operand_;
  const std::vector<Plain> parts_;
};

/// Where each output has one tap and few channels, all outputs of an input pixel are channels of one convolution: with
/// one for each of them, most lanes would be padding.
class Interleaved final : public Conv {
 public:
  Interleaved(const ConvShape& shape, std::unique_ptr<Conv> conv) : shape_(shape), conv_(std::move(conv)) {}

  void run(const ConstMap& in, const ConstMap&, const Map& out, Team& team,
           std::span<std::byte> scratch) const override {
    const Map packed{scratch.data(), kChannelAlign, std::ptrdiff_t{kChannelAlign} * shape_.in_w};
    conv_->run(in, {}, packed, team, scratch.subspan(packed_map()));
    if (shape_.insert_h == 2 && shape_.insert_w == 2) spread(packed, out, Fixed<2>{}, Fixed<2>{});
    else spread(packed, out, shape_.insert_h, shape_.insert_w);
  }
  std::size_t scratch_bytes(int workers) const override { return packed_map() + conv_->scratch_bytes(workers); }
  std::size_t packed_bytes() const override { return conv_->packed_bytes(); }
  std::uint64_t work() const override { return conv_->work(); }
  std::string_view kernel() const override { return conv_->kernel(); }

  static bool fits(const ConvJob& job, std::span<const Grid> rows, std::span<const Grid> columns) {
    const ConvShape& s = job.shape;
    const auto one_tap = [](int in) {
      return [in](const Grid& g) { return g.taps == 1 && g.skip == 0 && g.pad == 0 && g.outputs == in; };
    };
    return !s.depthwise && s.out_c * s.insert_h * s.insert_w <= kMostBytes && !job.tail.real &&
           job.tail.out_type == DType::i8 && !reads_operand(job.tail) && std::ranges::all_of(rows, one_tap(s.in_h)) &&
           std::ranges::all_of(columns, one_tap(s.in_w));
  }

 private:
  static constexpr int kMostBytes = 8;  ///< of an input pixel's outputs: a word

  /// One vector, for one store.
  typedef std::uint64_t Pixel __attribute__((vector_size(16)));

  /// A number the compiler knows.
  template <int N>
  using Fixed = std::integral_constant<int, N>;

  /// The outputs of every input pixel to their places, `high` rows of `wide`.
  template <class Rows, class Columns>
  void spread(const Map& packed, const Map& out, Rows high, Columns wide) const {
    const int bits = 8 * shape_.out_c;
    const std::uint64_t keep = (std::uint64_t{1} << bits) - 1;
    for (int y = 0; y < shape_.in_h; ++y)
      for (int x = 0; x < shape_.in_w; ++x) {
        std::byte* to = out.data + y * high * out.row + x * wide * out.pixel;
        std::uint64_t left;
        std::memcpy(&left, packed.data + y * packed.row + x * packed.pixel, sizeof left);
        for (int ky = 0; ky < high; ++ky)
          for (int kx = 0; kx < wide; ++kx, left >>= bits) {
            const Pixel pixel = {left & keep, 0};
            std::memcpy(to + ky * out.row + kx * out.pixel, &pixel, sizeof pixel);
          }
      }
  }

  std::size_t packed_map() const {
    const auto pixels = static_cast<std::size_t>(shape_.in_h) * static_cast<std::size_t>(shape_.in_w);
    return whole_lines(pixels * kChannelAlign);
  }

  const ConvShape shape_;
  const std::unique_ptr<Conv> conv_;
};

/// Appends the numbers of a part's channels. Parts differ in what BS adds only, so one number for all channels stays
/// so.
void append(const DpuLayer& part, DpuLayer& all) {
  const auto numbers = [&](const auto& from, auto& to, bool one) {
    if (one) to = from;
    else
      for (std::size_t c = 0; from && c < static_cast<std::size_t>(part.channels); ++c) to.values.push_back(from[c]);
  };
  const auto stage = [&](const std::optional<ResolvedStage>& from, std::optional<ResolvedStage>& to, bool adds) {
    if (!from) return;
    numbers(from->alu_value, to->alu_value, !adds && from->alu_value.values.size() == 1);
    numbers(from->mul_value, to->mul_value, from->mul_value.values.size() == 1);
  };
  numbers(part.ow, all.ow, part.ow.values.size() == 1);
  stage(part.bs, all.bs, true), stage(part.bn, all.bn, false);
  all.channels += part.channels;
}

/// @returns null where the DPU has no room for what the other taps add
std::unique_ptr<Conv> make_interleaved(const ConvJob& job, std::span<const Grid> rows, std::span<const Grid> columns,
                                       std::optional<cpu::Isa> isa) {
  ConvShape shape = job.shape;
  ConvWeights weights;
  std::optional<DpuLayer> all;
  for (const Grid& y : rows)
    for (const Grid& x : columns) {
      Part part(job, y, x);
      const auto tail = part.tail();
      if (!tail) return nullptr;
      if (!all) {
        all = *tail;
        all->channels = 0, all->ow.values.clear();
        for (auto* stage : {&all->bs, &all->bn})
          if (*stage) (*stage)->alu_value.values.clear(), (*stage)->mul_value.values.clear();
      }
      append(*tail, *all);
      weights.integers.insert(weights.integers.end(), part.weights.integers.begin(), part.weights.integers.end());
    }
  shape.out_h = shape.in_h, shape.out_w = shape.in_w, shape.out_c = all->channels;
  shape.kernel_h = shape.kernel_w = shape.insert_h = shape.insert_w = 1;
  shape.pad_top = shape.pad_left = 0;
  return std::make_unique<Interleaved>(job.shape,
                                       prepare_conv(shape, job.input, std::move(weights), std::move(*all), isa));
}

}  // namespace

std::unique_ptr<Conv> make_transposed(const ConvJob& job, std::optional<cpu::Isa> isa) {
  const ConvShape& s = job.shape;
  if ((s.insert_h == 1 && s.insert_w == 1) || isa.value_or(cpu::allowed().back()) == cpu::Isa::ref) return nullptr;
  if (!divides(s.kernel_h, s.insert_h, s.stride_h, s.dilation_h)) return nullptr;
  if (!divides(s.kernel_w, s.insert_w, s.stride_w, s.dilation_w)) return nullptr;
  std::vector<Transposed::Plain> parts;
  const auto columns = grids_of(s.out_w, s.kernel_w, s.insert_w, s.pad_left);
  const auto rows = grids_of(s.out_h, s.kernel_h, s.insert_h, s.pad_top);
  if (Interleaved::fits(job, rows, columns))
    if (auto conv = make_interleaved(job, rows, columns, isa)) return conv;
  for (const Grid& y : rows)
    for (const Grid& x : columns) {
      Part part(job, y, x);
      const auto tail = part.tail();
      if (!tail || y.skip >= s.in_h || x.skip >= s.in_w) return nullptr;
      parts.push_back({prepare_conv(part.shape(), job.input, std::move(part.weights), *tail, isa), y, x});
    }
  const bool strided_operand = reads_operand(job.tail) && !job.tail.ew->per_channel;
  return std::make_unique<Transposed>(s, strided_operand, std::move(parts));
}

}  // namespace ez_rknn::npu::kernels
