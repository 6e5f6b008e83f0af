#include "npu/kernels/conv/variants.hpp"

#include <array>
#include <type_traits>
#include <utility>

#include "npu/kernels/conv/dense.hpp"
#include "npu/kernels/conv/depthwise.hpp"
#include "npu/kernels/conv/depthwise_direct.hpp"
#include "npu/kernels/conv/pointwise.hpp"
#include "npu/kernels/conv/strassen.hpp"
#include "npu/kernels/conv/winograd.hpp"

namespace ez_rknn::npu::kernels {
namespace {

// Each table in rising order of preference where two of an instruction set do the same layers.
#if defined(__x86_64__)
constexpr DenseVariant kDense[] = {
    {"conv_i8/avx2", ConvInput::i8, &kDenseI8Avx2, &kStageI8ToI16Avx2, cpu::Isa::avx2},
    {"conv_i8/avx512vnni", ConvInput::i8, &kDenseI8Avx512Vnni, &kStageI8, cpu::Isa::avx512vnni},
    {"conv_i8/amx", ConvInput::i8, &kDenseI8Amx, &kStageI8, cpu::Isa::amx},
    {"conv_f16/avx2", ConvInput::f16, &kDenseF32Avx2, &kStageF16ToF32Avx2, cpu::Isa::avx2},
    {"conv_f16/avx512", ConvInput::f16, &kDenseF32Avx512, &kStageF16ToF32Avx2, cpu::Isa::avx512},
    {"conv_f32/avx2", ConvInput::f32, &kDenseF32Avx2, &kStageF32, cpu::Isa::avx2},
    {"conv_f32/avx512", ConvInput::f32, &kDenseF32Avx512, &kStageF32, cpu::Isa::avx512},
    {"conv_i16/avx2", ConvInput::i16, &kDenseI16Avx2, &kStageI16ToF64Avx2, cpu::Isa::avx2},
    {"conv_i16/avx512", ConvInput::i16, &kDenseI16Avx512, &kStageI16ToF64Avx512, cpu::Isa::avx512},
    {"conv_bf16/avx2", ConvInput::bf16, &kDenseF32Avx2, &kStageBf16ToF32Avx2, cpu::Isa::avx2},
    {"conv_bf16/avx512", ConvInput::bf16, &kDenseF32Avx512, &kStageBf16ToF32Avx2, cpu::Isa::avx512},
    {"conv_f16_f16/avx2", ConvInput::f16, &kDenseF16Avx2, &kStageF16ToF32Avx2, cpu::Isa::avx2},
    {"conv_f16_f16/avx512", ConvInput::f16, &kDenseF16Avx512, &kStageF16ToF32Avx2, cpu::Isa::avx512, worth_halves},
    {"conv_f16/amx", ConvInput::f16, &kDenseF16Amx, &kStageF16ToBf16Amx, cpu::Isa::amx},
};
constexpr DepthwiseVariant kDepthwise[] = {
    {"depthwise_i8/avx2", ConvInput::i8, &kDepthwiseI8Avx2, &kStageI8ToI16Avx2, cpu::Isa::avx2},
    {"depthwise_i8/avx512vnni", ConvInput::i8, &kDepthwiseI8Avx512Vnni, &kStageI8ToQuadsAvx512, cpu::Isa::avx512vnni},
    {"depthwise_f16/avx2", ConvInput::f16, &kDepthwiseF16Avx2, &kStageF16, cpu::Isa::avx2},
    {"depthwise_f16/avx512", ConvInput::f16, &kDepthwiseF16Avx512, &kStageF16, cpu::Isa::avx512},
    {"depthwise_f32/avx2", ConvInput::f32, &kDepthwiseF32Avx2, &kStageF32, cpu::Isa::avx2},
    {"depthwise_f32/avx512", ConvInput::f32, &kDepthwiseF32Avx512, &kStageF32, cpu::Isa::avx512},
    {"depthwise_i16/avx2", ConvInput::i16, &kDepthwiseI16Avx2, &kStageI16ToF64Avx2, cpu::Isa::avx2},
    {"depthwise_i16/avx512", ConvInput::i16, &kDepthwiseI16Avx512, &kStageI16ToF64Avx512, cpu::Isa::avx512},
    {"depthwise_bf16/avx2", ConvInput::bf16, &kDepthwiseF32Avx2, &kStageBf16ToF32Avx2, cpu::Isa::avx2},
    {"depthwise_bf16/avx512", ConvInput::bf16, &kDepthwiseF32Avx512, &kStageBf16ToF32Avx2, cpu::Isa::avx512},
};
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
constexpr StrassenVariant kStrassen[] = {{"strassen_i8/avx2", ConvInput::i8, &kStrassenI8Avx2, cpu::Isa::avx2}};
constexpr DirectVariant kDirect[] = {{"depthwise_direct_i8/avx512vnni", &kDirectI8Avx512Vnni, cpu::Isa::avx512vnni}};
constexpr PointwiseVariant kPointwise[] = {{"pointwise_i8/avx512vnni", &kPointwiseI8Avx512Vnni, cpu::Isa::avx512vnni}};
#elif defined(__aarch64__)
constexpr DenseVariant kDense[] = {
    {"conv_i8/neon", ConvInput::i8, &kDenseI8Neon, &kStageI8ToI16Neon, cpu::Isa::neon},
    {"conv_i8/neondot", ConvInput::i8, &kDenseI8NeonDot, &kStageI8, cpu::Isa::neondot},
    {"conv_f16/neon", ConvInput::f16, &kDenseF32Neon, &kStageF16ToF32Neon, cpu::Isa::neon},
    {"conv_f32/neon", ConvInput::f32, &kDenseF32Neon, &kStageF32, cpu::Isa::neon},
    {"conv_i16/neon", ConvInput::i16, &kDenseI16Neon, &kStageI16ToF64Neon, cpu::Isa::neon},
    {"conv_bf16/neon", ConvInput::bf16, &kDenseF32Neon, &kStageBf16ToF32Neon, cpu::Isa::neon},
    {"conv_i8/neoni8mm", ConvInput::i8, &kDenseI8NeonI8mm, &kStageI8, cpu::Isa::neoni8mm},
};
constexpr DepthwiseVariant kDepthwise[] = {
    {"depthwise_i8/neon", ConvInput::i8, &kDepthwiseI8Neon, &kStageI8ToI16Neon, cpu::Isa::neon},
    {"depthwise_f16/neon", ConvInput::f16, &kDepthwiseF32Neon, &kStageF16ToF32Neon, cpu::Isa::neon},
    {"depthwise_f32/neon", ConvInput::f32, &kDepthwiseF32Neon, &kStageF32, cpu::Isa::neon},
    {"depthwise_i16/neon", ConvInput::i16, &kDepthwiseI16Neon, &kStageI16ToF64Neon, cpu::Isa::neon},
    {"depthwise_bf16/neon", ConvInput::bf16, &kDepthwiseF32Neon, &kStageBf16ToF32Neon, cpu::Isa::neon},
};
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
std::unique_ptr<Conv> make(const ConvJob& job, const DenseVariant& v) { return make_dense(job, v); }
std::unique_ptr<Conv> make(const ConvJob& job, const DepthwiseVariant& v) { return make_depthwise(job, v); }
std::unique_ptr<Conv> make(const ConvJob& job, const WinogradVariant& v) { return make_winograd(job, v); }
#endif
#if defined(__x86_64__)
std::unique_ptr<Conv> make(const ConvJob& job, const StrassenVariant& v) { return make_strassen(job, v); }
std::unique_ptr<Conv> make(const ConvJob& job, const DirectVariant& v) { return make_depthwise_direct(job, v); }
std::unique_ptr<Conv> make(const ConvJob& job, const PointwiseVariant& v) { return make_pointwise(job, v); }
#endif

template <const auto& Table, std::size_t I>
constexpr ConvVariant entry() {
  using Variant = std::remove_cvref_t<decltype(Table[I])>;
  ConvVariant v{Table[I].name, Table[I].isa, [](const ConvJob& job) { return make(job, Table[I]); }};
  if constexpr (std::is_same_v<Variant, WinogradVariant>)
    v.worth = [](const ConvJob& job) { return worth_winograd(job, Table[I]); };
  else if constexpr (std::is_same_v<Variant, StrassenVariant>) v.worth = worth_strassen;
  else if constexpr (std::is_same_v<Variant, DenseVariant>) v.worth = Table[I].worth;
  return v;
}

/// By instruction set, those of each as the tables come.
template <const auto&... Tables>
constexpr auto in_order() {
  std::array<ConvVariant, 1 + (0 + ... + std::size(Tables))> all{{{"conv/ref", cpu::Isa::ref, make_conv_ref}}};
  std::size_t count = 1;
  const auto insert = [&](const ConvVariant& v) {
    std::size_t at = count++;
    for (; all[at - 1].isa > v.isa; --at) all[at] = all[at - 1];
    all[at] = v;
  };
  const auto insert_table = [&]<const auto & Table, std::size_t... I>(std::index_sequence<I...>) {
    (insert(entry<Table, I>()), ...);
  };
  (insert_table.template operator()<Tables>(std::make_index_sequence<std::size(Tables)>()), ...);
  return all;
}

#if defined(__x86_64__)
constexpr auto kVariants = in_order<kDense, kPointwise, kStrassen, kWinograd, kDepthwise, kDirect>();
#elif defined(__aarch64__)
constexpr auto kVariants = in_order<kDense, kWinograd, kDepthwise>();
#else
constexpr auto kVariants = in_order<>();
#endif

}  // namespace

std::span<const ConvVariant> conv_variants() { return kVariants; }

}  // namespace ez_rknn::npu::kernels
