#pragma once
/// One tensor into another of the same logical shape: any types, any strides. User buffers become native tensors and
/// native tensors become user buffers through this one function.
#include "core/team.hpp"
#include "core/tensor_view.hpp"
#include "rknn_file/model.hpp"

namespace ez_rknn::npu::io {

/// to = Q(N(R(from))), where
///   R  real value: (q - zero_point) * scale; integers of an identity Quant (scale 1, zero point 0) are real values
///   N  normalisation along axis 1: (x[order[c]] - mean[c]) / std[c]; left out when null, an identity, for ranks below
///      2 and where the file gives fewer than C values
///   Q  clamp(rint(x / scale) + zero_point), halves to even; floats are stored as they are
/// In float32, step by step as written; double where a side holds 32-bit or wider integers. Equal types and
/// quantisation without normalisation move bits.
///
/// Memory of `from` and `to` must not overlap. With a team, large tensors are shared among its threads.
/// @param padding  channels set to 0 behind the last of every pixel; `to` has channel stride 1 then
/// @throws InvalidArgument shapes differ; Unsupported a type without addressable elements (int4)
void convert(const ConstTensorView& from, const TensorView& to, int padding,
             const file::Normalisation* normalisation = nullptr, Team* team = nullptr);

/// Channels of padding behind each pixel when the view is a channels-last map (kernels/map.hpp), else 0.
int padding_of(const TensorView& view);

}  // namespace ez_rknn::npu::io
