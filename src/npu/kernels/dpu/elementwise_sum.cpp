/// Sums of two maps of int8 (residual connections) as the compiler makes them: an input that only gets a bias and a
/// factor of whole numbers, an operand that is converted, and the output's converter. Bytes are read, added and written
/// at once.
#include <algorithm>
#include <cmath>

#include "npu/kernels/dpu/elementwise_variants.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu::kernels {
namespace {

constexpr std::ptrdiff_t kItemBytes = 32 * 1024;
constexpr double kRounded = 0x1p22;  ///< what is rounded, at most
constexpr double kWhole = 0x1p24;    ///< every integer up to here is one of f32

template <class T>
bool uniform(const Channels<T>& c) {
  return std::all_of(c.values.begin(), c.values.end(), [&](const T& v) { return v == c.values[0]; });
}

/// A register's factor 2^-shift, exactly; nothing where f32 has no such number.
std::optional<double> factor(std::int64_t scale, int shift) {
  if (std::abs(scale) >= (1 << 24) || shift < 0 || shift > 64) return std::nullopt;
  return std::ldexp(static_cast<double>(scale), -shift);
}

bool bounded(const Clamp& c) { return c.lo || c.hi; }

std::optional<ByteSum> sum_of(const DpuLayer& layer) {
  const auto& bs = layer.bs;
  const auto& ew = layer.ew;
  if (layer.bn || !ew || ew->lut || ew->op != ElementWise::Op::add || !ew->from_memory || ew->per_channel ||
      ew->result_shift > 0 || bounded(ew->clamp))
    return std::nullopt;
  double bias = 0, scale = 1;
  if (bs) {
    if (bs->prelu || bounded(bs->clamp) || !uniform(bs->alu_value) || !uniform(bs->mul_value)) return std::nullopt;
    if (bs->mul && (bs->mul_first || bs->shift != 0 || bs->shift_negative != 0)) return std::nullopt;
    if (bs->alu && *bs->alu != Alu::add) return std::nullopt;
    if (bs->mul) scale = bs->mul_value[0];
    if (bs->alu) bias = bs->alu_value[0] * scale;
  }
  const auto operand_scale = ew->convert ? factor(ew->scale, ew->operand_shift) : 1.0;
  const auto out_scale = factor(layer.out.scale, layer.out.shift);
  const double operand_offset = ew->convert ? ew->offset : 0.0;
  if (!operand_scale || !out_scale) return std::nullopt;
  const double most = 128 * std::abs(scale) + std::abs(bias),
               most_operand = (128 + std::abs(operand_offset)) * std::abs(*operand_scale) + 1;
  if (std::abs(operand_offset) > kRounded || most_operand > kRounded || most + most_operand > kWhole ||
      (most + most_operand) * std::abs(*out_scale) > kRounded || std::abs(std::int64_t{layer.out.offset}) > (1 << 20))
    return std::nullopt;
  return ByteSum{.scale = static_cast<float>(scale),
                 .bias = static_cast<float>(bias),
                 .operand_offset = static_cast<float>(operand_offset),
                 .operand_scale = static_cast<float>(*operand_scale),
                 .out_scale = static_cast<float>(*out_scale),
                 .offset = layer.out.offset};
}

class SumLayer final : public ElementWiseLayer {
 public:
  SumLayer(const ByteSum& sum, int channels, SumBytes add, std::string_view name)
      : sum_(sum), channels_(channels), add_(add), name_(name) {}

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, int height, int width,
           Team& team) const override {
    const std::ptrdiff_t row = std::ptrdiff_t{width} * channels_;
    const int rows = static_cast<int>(std::clamp<std::ptrdiff_t>(kItemBytes / row, 1, height));
    const auto items = static_cast<std::size_t>((height + rows - 1) / rows);
    const bool whole = in.pixel == channels_ && operand.pixel == channels_ && out.pixel == channels_;
    const auto body = [&](std::size_t item, int) {
      const int first = static_cast<int>(item) * rows, last = std::min(first + rows, height);
      for (int y = first; y < last; ++y) {
        const std::byte *a = in.data + y * in.row, *b = operand.data + y * operand.row;
        std::byte* to = out.data + y * out.row;
        if (whole) add_(sum_, {a, b, to, static_cast<std::size_t>(row)});
        else
          add_(sum_, {a, b, to, static_cast<std::size_t>(channels_), static_cast<std::size_t>(width), in.pixel,
                      operand.pixel, out.pixel});
      }
    };
    share(team, items, kSumWork * static_cast<std::uint64_t>(row * height), body);
  }
  std::string_view kernel() const override { return name_; }

 private:
  const ByteSum sum_;
  const int channels_;
  const SumBytes add_;
  const std::string_view name_;
};

}  // namespace

std::unique_ptr<ElementWiseLayer> make_elementwise_sum(DType input, const DpuLayer& layer, SumBytes add,
                                                       std::string_view name) {
  if (layer.real || input != DType::i8 || layer.operand_type != DType::i8 || layer.out_type != DType::i8 ||
      layer.channels % kChannelAlign != 0)
    return nullptr;
  const auto sum = sum_of(layer);
  return sum ? std::make_unique<SumLayer>(*sum, layer.channels, add, name) : nullptr;
}

}  // namespace ez_rknn::npu::kernels
