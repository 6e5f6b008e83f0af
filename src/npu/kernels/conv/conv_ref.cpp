/// Convolution as the CNA and CORE define it, every case, never tuned.
#include "npu/kernels/conv/variants.hpp"
#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/element.hpp"
#include "npu/kernels/share.hpp"
#include "npu/regs/rounding.hpp"

namespace ez_rknn::npu::kernels {
namespace {

DType element_of(ConvInput input) {
  switch (input) {
    case ConvInput::i8: return DType::i8;
    case ConvInput::i16: return DType::i16;
    case ConvInput::f16: return DType::f16;
    case ConvInput::bf16: return DType::bf16;
    case ConvInput::f32: return DType::f32;
  }
  return DType::i8;
}

class ConvRef final : public Conv {
 public:
  ConvRef(const ConvShape& shape, ConvInput input, ConvWeights weights, DpuLayer tail)
      : shape_(shape), type_(element_of(input)), weights_(std::move(weights)), tail_(std::move(tail)) {}

  void run(const ConstMap& in, const ConstMap& operand, const Map& out, Team& team,
           std::span<std::byte>) const override {
    team.for_each(static_cast<std::size_t>(shape_.out_h), [&](std::size_t row, int) {
      const int y = static_cast<int>(row);
      for (int x = 0; x < shape_.out_w; ++x) {
        std::byte* pixel = out.data + y * out.row + x * out.pixel;
        const std::byte* other = operand_pixel(tail_, operand, y, x);
        for (int c = 0; c < shape_.out_c; ++c) {
          if (is_float(type_)) finish_ref(tail_, c, real_sum(in, y, x, c), other, pixel);
          else finish_ref(tail_, c, integer_sum(in, y, x, c), other, pixel);
        }
        clear_padding(tail_, pixel);
      }
    });
  }
  std::size_t scratch_bytes(int) const override { return 0; }
  std::size_t packed_bytes() const override {
    return weights_.integers.size() * sizeof(std::int16_t) + weights_.reals.size() * sizeof(float);
  }
  std::uint64_t work() const override { return kReferenceWork * shape_.macs(); }
  std::string_view kernel() const override { return "conv/ref"; }

 private:
  /// Calls f(element or null for padding, weight index) over the window of output (y, x), kernel of channel c.
  template <class F>
  void for_window(const ConstMap& in, int y, int x, int c, F f) const {
    const ConvShape& s = shape_;
    const int channels = s.depthwise ? 1 : s.in_c;
    const std::size_t size = size_of(type_);
    auto weight = static_cast<std::size_t>(c) * static_cast<std::size_t>(channels * s.kernel_h * s.kernel_w);
    for (int i = 0; i < channels; ++i)
      for (int ky = 0; ky < s.kernel_h; ++ky)
        for (int kx = 0; kx < s.kernel_w; ++kx, ++weight) {
          const int py = y * s.stride_h + ky * s.dilation_h - s.pad_top;
          const int px = x * s.stride_w + kx * s.dilation_w - s.pad_left;
          const bool inside = py >= 0 && px >= 0 && py % s.insert_h == 0 && px % s.insert_w == 0 &&
                              py / s.insert_h < s.in_h && px / s.insert_w < s.in_w;
          const auto channel = static_cast<std::size_t>(s.depthwise ? c : i);
          f(inside ? in.data + py / s.insert_h * in.row + px / s.insert_w * in.pixel + channel * size : nullptr,
            weight);
        }
  }

  std::int64_t integer_sum(const ConstMap& in, int y, int x, int c) const {
    const std::int64_t ow = tail_.ow ? tail_.ow[static_cast<std::size_t>(c)] : 0;
    std::int64_t sum = 0;
    for_window(in, y, x, c, [&](const std::byte* p, std::size_t w) {
      sum += (p ? load_integer(p, type_) : shape_.pad_value) * (weights_.integers[w] + ow);
    });
    return shift_half_even(sum, tail_.accumulator_shift);
  }

  float real_sum(const ConstMap& in, int y, int x, int c) const {
    double sum = 0;
    for_window(in, y, x, c, [&](const std::byte* p, std::size_t w) {
      if (p) sum += static_cast<double>(load_real(p, type_)) * static_cast<double>(weights_.reals[w]);
    });
    return static_cast<float>(sum);
  }

  const ConvShape shape_;
  const DType type_;
  const ConvWeights weights_;
  const DpuLayer tail_;
};

}  // namespace

std::unique_ptr<Conv> make_conv_ref(const ConvJob& job) {
  return std::make_unique<ConvRef>(job.shape, job.input, job.weights, job.tail);
}

}  // namespace ez_rknn::npu::kernels
