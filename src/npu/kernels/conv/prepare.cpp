#include <string>

#include "ez_rknn/error.hpp"
#include "npu/kernels/conv/transposed.hpp"
#include "npu/kernels/conv/variants.hpp"
#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/pick.hpp"

namespace ez_rknn::npu::kernels {
namespace {

void check(const ConvJob& job) {
  const ConvShape& s = job.shape;
  const auto positive = [](const char* name, int v) {
    if (v < 1) throw InvalidArgument(std::string("convolution: ") + name + " is " + std::to_string(v) + ", at least 1");
  };
  positive("input height", s.in_h), positive("input width", s.in_w), positive("input channels", s.in_c);
  positive("output height", s.out_h), positive("output width", s.out_w), positive("output channels", s.out_c);
  positive("kernel height", s.kernel_h), positive("kernel width", s.kernel_w);
  positive("stride", s.stride_h), positive("stride", s.stride_w);
  positive("dilation", s.dilation_h), positive("dilation", s.dilation_w);
  positive("insertion", s.insert_h), positive("insertion", s.insert_w);
  if (s.pad_top < 0 || s.pad_left < 0) throw InvalidArgument("convolution: negative padding");
  if (s.depthwise && s.in_c != s.out_c)
    throw InvalidArgument("depthwise convolution of " + std::to_string(s.in_c) + " channels into " +
                          std::to_string(s.out_c));
  if (job.tail.channels != s.out_c)
    throw InvalidArgument("convolution with " + std::to_string(s.out_c) + " output channels, its DPU has " +
                          std::to_string(job.tail.channels));
  const std::uint64_t expected = std::uint64_t(s.out_c) * std::uint64_t(s.depthwise ? 1 : s.in_c) *
                                 std::uint64_t(s.kernel_h) * std::uint64_t(s.kernel_w);
  const bool real = job.input != ConvInput::i8 && job.input != ConvInput::i16;
  const std::size_t given = real ? job.weights.reals.size() : job.weights.integers.size();
  if (given != expected)
    throw InvalidArgument("convolution: " + std::to_string(given) + " weights, the shape needs " +
                          std::to_string(expected));
  if (real != job.tail.real)
    throw InvalidArgument(real ? "convolution of reals into an integer DPU"
                               : "convolution of integers into a real DPU");
  if (real && job.tail.ow) throw InvalidArgument("convolution of reals with a window-sum factor (OW)");
  check(job.tail);
}

}  // namespace

std::unique_ptr<Conv> prepare_conv(const ConvShape& shape, ConvInput input, ConvWeights weights, DpuLayer tail,
                                   std::optional<cpu::Isa> isa) {
  const ConvJob job{shape, input, weights, tail};
  check(job);
  if (auto transposed = make_transposed(job, isa)) return transposed;
  return pick(conv_variants(), "convolution", isa, job);
}

}  // namespace ez_rknn::npu::kernels
