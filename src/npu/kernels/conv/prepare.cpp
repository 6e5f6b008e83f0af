#include <string>

#include "ez_rknn/error.hpp"
#include "npu/kernels/conv/dense.hpp"
#include "npu/kernels/conv/depthwise.hpp"
#include "npu/kernels/conv/depthwise_direct.hpp"
#include "npu/kernels/conv/pointwise.hpp"
#include "npu/kernels/conv/strassen.hpp"
#include "npu/kernels/conv/transposed.hpp"
#include "npu/kernels/conv/variants.hpp"
#include "npu/kernels/conv/winograd.hpp"
#include "npu/kernels/dpu/dpu_ref.hpp"
#include "npu/kernels/pick.hpp"

namespace ez_rknn::npu::kernels {
namespace {

#if defined(__x86_64__)
constexpr DenseVariant kDense[] = {
    {"conv_i8/avx2", ConvInput::i8, &kDenseI8Avx2, &kStageI8ToI16Avx2, cpu::Isa::avx2},
    {"conv_i8/avx512vnni", ConvInput::i8, &kDenseI8Avx512Vnni, &kStageI8, cpu::Isa::avx512},
    {"conv_i8/amx", ConvInput::i8, &kDenseI8Amx, &kStageI8, cpu::Isa::avx512},
    {"conv_f16/avx2", ConvInput::f16, &kDenseF32Avx2, &kStageF16ToF32Avx2, cpu::Isa::avx2},
    {"conv_f16/avx512", ConvInput::f16, &kDenseF32Avx512, &kStageF16ToF32Avx2, cpu::Isa::avx512},
    {"conv_f32/avx2", ConvInput::f32, &kDenseF32Avx2, &kStageF32, cpu::Isa::avx2},
    {"conv_f32/avx512", ConvInput::f32, &kDenseF32Avx512, &kStageF32, cpu::Isa::avx512},
    {"conv_i16/avx2", ConvInput::i16, &kDenseI16Avx2, &kStageI16ToF64Avx2, cpu::Isa::avx2},
    {"conv_i16/avx512", ConvInput::i16, &kDenseI16Avx512, &kStageI16ToF64Avx512, cpu::Isa::avx512},
    {"conv_bf16/avx2", ConvInput::bf16, &kDenseF32Avx2, &kStageBf16ToF32Avx2, cpu::Isa::avx2},
    {"conv_bf16/avx512", ConvInput::bf16, &kDenseF32Avx512, &kStageBf16ToF32Avx2, cpu::Isa::avx512},
    {"conv_f16_f16/avx2", ConvInput::f16, &kDenseF16Avx2, &kStageF16ToF32Avx2, cpu::Isa::avx2},
    {"conv_f16_f16/avx512", ConvInput::f16, &kDenseF16Avx512, &kStageF16ToF32Avx2, cpu::Isa::avx512},
    {"conv_f16/amx", ConvInput::f16, &kDenseF16Amx, &kStageF16ToBf16Amx, cpu::Isa::avx512},
};
constexpr DepthwiseVariant kDepthwise[] = {
    {"depthwise_i8/avx2", ConvInput::i8, &kDepthwiseI8Avx2, &kStageI8ToI16Avx2, cpu::Isa::avx2},
    {"depthwise_i8/avx512vnni", ConvInput::i8, &kDepthwiseI8Avx512Vnni, &kStageI8ToQuadsAvx512, cpu::Isa::avx512},
    {"depthwise_f16/avx2", ConvInput::f16, &kDepthwiseF16Avx2, &kStageF16, cpu::Isa::avx2},
    {"depthwise_f16/avx512", ConvInput::f16, &kDepthwiseF16Avx512, &kStageF16, cpu::Isa::avx512},
    {"depthwise_f32/avx2", ConvInput::f32, &kDepthwiseF32Avx2, &kStageF32, cpu::Isa::avx2},
    {"depthwise_f32/avx512", ConvInput::f32, &kDepthwiseF32Avx512, &kStageF32, cpu::Isa::avx512},
    {"depthwise_i16/avx2", ConvInput::i16, &kDepthwiseI16Avx2, &kStageI16ToF64Avx2, cpu::Isa::avx2},
    {"depthwise_i16/avx512", ConvInput::i16, &kDepthwiseI16Avx512, &kStageI16ToF64Avx512, cpu::Isa::avx512},
    {"depthwise_bf16/avx2", ConvInput::bf16, &kDepthwiseF32Avx2, &kStageBf16ToF32Avx2, cpu::Isa::avx2},
    {"depthwise_bf16/avx512", ConvInput::bf16, &kDepthwiseF32Avx512, &kStageBf16ToF32Avx2, cpu::Isa::avx512},
};
#elif defined(__aarch64__)
constexpr DenseVariant kDense[] = {
    {"conv_i8/neon", ConvInput::i8, &kDenseI8Neon, &kStageI8ToI16Neon, cpu::Isa::neon},
    {"conv_i8/neondot", ConvInput::i8, &kDenseI8NeonDot, &kStageI8, cpu::Isa::neon},
    {"conv_f16/neon", ConvInput::f16, &kDenseF32Neon, &kStageF16ToF32Neon, cpu::Isa::neon},
    {"conv_f32/neon", ConvInput::f32, &kDenseF32Neon, &kStageF32, cpu::Isa::neon},
    {"conv_i16/neon", ConvInput::i16, &kDenseI16Neon, &kStageI16ToF64Neon, cpu::Isa::neon},
    {"conv_bf16/neon", ConvInput::bf16, &kDenseF32Neon, &kStageBf16ToF32Neon, cpu::Isa::neon},
    {"conv_i8/neoni8mm", ConvInput::i8, &kDenseI8NeonI8mm, &kStageI8, cpu::Isa::neon},
};
constexpr DepthwiseVariant kDepthwise[] = {
    {"depthwise_i8/neon", ConvInput::i8, &kDepthwiseI8Neon, &kStageI8ToI16Neon, cpu::Isa::neon},
    {"depthwise_f16/neon", ConvInput::f16, &kDepthwiseF32Neon, &kStageF16ToF32Neon, cpu::Isa::neon},
    {"depthwise_f32/neon", ConvInput::f32, &kDepthwiseF32Neon, &kStageF32, cpu::Isa::neon},
    {"depthwise_i16/neon", ConvInput::i16, &kDepthwiseI16Neon, &kStageI16ToF64Neon, cpu::Isa::neon},
    {"depthwise_bf16/neon", ConvInput::bf16, &kDepthwiseF32Neon, &kStageBf16ToF32Neon, cpu::Isa::neon},
};
#endif
#if defined(__x86_64__)
constexpr WinogradVariant kWinograd[] = {
    {"winograd_f16/avx2", ConvInput::f16, &kWinogradF16Avx2, cpu::Isa::avx2},
    {"winograd_f16/avx512", ConvInput::f16, &kWinogradF16Avx512, cpu::Isa::avx512},
    {"winograd_i8/avx2", ConvInput::i8, &kWinogradI8Avx2, cpu::Isa::avx2},
    {"winograd4_i8/avx2", ConvInput::i8, &kWinograd4I8Avx2, cpu::Isa::avx2},
    {"winograd4_f16/avx2", ConvInput::f16, &kWinograd4F16Avx2, cpu::Isa::avx2},
    {"winograd4_f16/avx512", ConvInput::f16, &kWinograd4F16Avx512, cpu::Isa::avx512},
    {"winograd_strided_i8/avx2", ConvInput::i8, &kWinogradStridedI8Avx2, cpu::Isa::avx2},
    {"winograd_strided_f16/avx2", ConvInput::f16, &kWinogradStridedF16Avx2, cpu::Isa::avx2},
    {"winograd_strided_f16/avx512", ConvInput::f16, &kWinogradStridedF16Avx512, cpu::Isa::avx512},
};
constexpr StrassenVariant kStrassen = {"strassen_i8/avx2", ConvInput::i8, &kStrassenI8Avx2, cpu::Isa::avx2};

constexpr DirectVariant kDirect = {"depthwise_direct_i8/avx512vnni", &kDirectI8Avx512Vnni, cpu::Isa::avx512};

constexpr PointwiseVariant kPointwise = {"pointwise_i8/avx512vnni", &kPointwiseI8Avx512Vnni, cpu::Isa::avx512};

std::unique_ptr<Conv> pointwise(const ConvJob& job) { return make_pointwise(job, kPointwise); }
std::unique_ptr<Conv> depthwise_direct(const ConvJob& job) { return make_depthwise_direct(job, kDirect); }
std::unique_ptr<Conv> strassen(const ConvJob& job) { return make_strassen(job, kStrassen); }
#elif defined(__aarch64__)
constexpr WinogradVariant kWinograd[] = {
    {"winograd_f16/neon", ConvInput::f16, &kWinogradF16Neon, cpu::Isa::neon},
    {"winograd4_f16/neon", ConvInput::f16, &kWinograd4F16Neon, cpu::Isa::neon},
    {"winograd_i8/neon", ConvInput::i8, &kWinogradI8Neon, cpu::Isa::neon},
    {"winograd4_i8/neon", ConvInput::i8, &kWinograd4I8Neon, cpu::Isa::neon},
    {"winograd_strided_i8/neon", ConvInput::i8, &kWinogradStridedI8Neon, cpu::Isa::neon},
    {"winograd_strided_f16/neon", ConvInput::f16, &kWinogradStridedF16Neon, cpu::Isa::neon},
};
#endif

#if defined(__x86_64__) || defined(__aarch64__)
template <int I>
std::unique_ptr<Conv> dense(const ConvJob& job) {
  return make_dense(job, kDense[I]);
}
template <int I>
std::unique_ptr<Conv> depthwise(const ConvJob& job) {
  return make_depthwise(job, kDepthwise[I]);
}
template <int I>
std::unique_ptr<Conv> winograd(const ConvJob& job) {
  return make_winograd(job, kWinograd[I]);
}
template <int I>
bool worth(const ConvJob& job) {
  return worth_winograd(job, kWinograd[I]);
}
#endif

// In rising order of preference; indices into the tables above.
constexpr ConvVariant kVariants[] = {
    {"conv/ref", cpu::Isa::ref, make_conv_ref},
#if defined(__x86_64__)
    {kDense[0].name, cpu::Isa::avx2, dense<0>},
    {kStrassen.name, cpu::Isa::avx2, strassen, worth_strassen},
    {kWinograd[2].name, cpu::Isa::avx2, winograd<2>, worth<2>},
    {kWinograd[3].name, cpu::Isa::avx2, winograd<3>, worth<3>},
    {kWinograd[6].name, cpu::Isa::avx2, winograd<6>, worth<6>},
    {kDense[3].name, cpu::Isa::avx2, dense<3>},
    {kDense[11].name, cpu::Isa::avx2, dense<11>},
    {kWinograd[0].name, cpu::Isa::avx2, winograd<0>, worth<0>},
    {kWinograd[4].name, cpu::Isa::avx2, winograd<4>, worth<4>},
    {kWinograd[7].name, cpu::Isa::avx2, winograd<7>, worth<7>},
    {kDense[5].name, cpu::Isa::avx2, dense<5>},
    {kDense[7].name, cpu::Isa::avx2, dense<7>},
    {kDepthwise[0].name, cpu::Isa::avx2, depthwise<0>},
    {kDepthwise[2].name, cpu::Isa::avx2, depthwise<2>},
    {kDepthwise[4].name, cpu::Isa::avx2, depthwise<4>},
    {kDepthwise[6].name, cpu::Isa::avx2, depthwise<6>},
    {kDense[9].name, cpu::Isa::avx2, dense<9>},
    {kDepthwise[8].name, cpu::Isa::avx2, depthwise<8>},
    {kDense[10].name, cpu::Isa::avx512, dense<10>},
    {kDepthwise[9].name, cpu::Isa::avx512, depthwise<9>},
    {kDense[4].name, cpu::Isa::avx512, dense<4>},
    {kDense[12].name, cpu::Isa::avx512, dense<12>, worth_halves},
    {kWinograd[1].name, cpu::Isa::avx512, winograd<1>, worth<1>},
    {kWinograd[5].name, cpu::Isa::avx512, winograd<5>, worth<5>},
    {kWinograd[8].name, cpu::Isa::avx512, winograd<8>, worth<8>},
    {kDense[6].name, cpu::Isa::avx512, dense<6>},
    {kDense[8].name, cpu::Isa::avx512, dense<8>},
    {kDepthwise[3].name, cpu::Isa::avx512, depthwise<3>},
    {kDepthwise[5].name, cpu::Isa::avx512, depthwise<5>},
    {kDepthwise[7].name, cpu::Isa::avx512, depthwise<7>},
    {kDense[1].name, cpu::Isa::avx512vnni, dense<1>},
    {kPointwise.name, cpu::Isa::avx512vnni, pointwise},
    {kDepthwise[1].name, cpu::Isa::avx512vnni, depthwise<1>},
    {kDirect.name, cpu::Isa::avx512vnni, depthwise_direct},
    {kDense[2].name, cpu::Isa::amx, dense<2>},
    {kDense[13].name, cpu::Isa::amx, dense<13>},
#elif defined(__aarch64__)
    {kDense[0].name, cpu::Isa::neon, dense<0>},
    {kWinograd[2].name, cpu::Isa::neon, winograd<2>, worth<2>},
    {kWinograd[3].name, cpu::Isa::neon, winograd<3>, worth<3>},
    {kWinograd[4].name, cpu::Isa::neon, winograd<4>, worth<4>},
    {kDense[2].name, cpu::Isa::neon, dense<2>},
    {kDense[3].name, cpu::Isa::neon, dense<3>},
    {kDense[4].name, cpu::Isa::neon, dense<4>},
    {kDepthwise[0].name, cpu::Isa::neon, depthwise<0>},
    {kDepthwise[1].name, cpu::Isa::neon, depthwise<1>},
    {kDepthwise[2].name, cpu::Isa::neon, depthwise<2>},
    {kDepthwise[3].name, cpu::Isa::neon, depthwise<3>},
    {kDense[5].name, cpu::Isa::neon, dense<5>},
    {kDepthwise[4].name, cpu::Isa::neon, depthwise<4>},
    {kWinograd[0].name, cpu::Isa::neon, winograd<0>, worth<0>},
    {kWinograd[1].name, cpu::Isa::neon, winograd<1>, worth<1>},
    {kWinograd[5].name, cpu::Isa::neon, winograd<5>, worth<5>},
    {kDense[1].name, cpu::Isa::neondot, dense<1>},
    {kDense[6].name, cpu::Isa::neoni8mm, dense<6>},
#endif
};

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

std::span<const ConvVariant> conv_variants() { return kVariants; }

std::unique_ptr<Conv> prepare_conv(const ConvShape& shape, ConvInput input, ConvWeights weights, DpuLayer tail,
                                   std::optional<cpu::Isa> isa) {
  const ConvJob job{shape, input, weights, tail};
  check(job);
  if (auto transposed = make_transposed(job, isa)) return transposed;
  return pick(conv_variants(), "convolution", isa, job);
}

}  // namespace ez_rknn::npu::kernels
