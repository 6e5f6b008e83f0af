#pragma once
/// What the interface says about a model's inputs and outputs: shapes, types, sizes and layouts as rknn_tensor_attr.
/// From the file alone, so it can be asked for any graph at any time.
#include "abi/rknn.h"
#include "npu/exec/program.hpp"
#include "npu/io/layout.hpp"

namespace ez_rknn::npurt {

enum class Side : std::uint8_t { input, output };
const char* name_of(Side side);

/// Which of the three descriptions of a tensor.
///   interface  4-D inputs NHWC, 4-D outputs NCHW, other ranks in the model's own order
///   native     as the NPU holds it: NHWC for images of up to 4 channels, NC1HWC2 for other feature maps
///   nhwc       4-D tensors NHWC
enum class Form : std::uint8_t { interface, native, nhwc };

/// An input or output of one of a model's graphs.
class Port {
 public:
  Port(const npu::Program& program, int graph, Side side, std::uint32_t index);

  Side side() const { return side_; }
  std::uint32_t index() const { return index_; }
  const file::Tensor& tensor() const { return tensor_; }
  const Dims& shape() const { return shape_; }  ///< logical, batch included
  const file::Normalisation* normalisation() const;
  rknn_tensor_type type() const;
  /// Channels in a group of the NC1HWC2 layout; 0 when the NPU does not hold the tensor so.
  int c2() const;

  rknn_tensor_attr attribute(Form form) const;

 private:
  /// An input of few channels that the NPU reads as rows of interleaved pixels.
  bool is_packed_image() const;
  std::uint32_t packed_width() const;

  const file::Graph& graph_;
  const Side side_;
  const std::uint32_t index_;
  const file::Tensor& tensor_;
  const npu::Chip& chip_;
  Dims shape_;
};

std::uint32_t port_count(const npu::Program& program, Side side);
/// @throws Refusal (RKNN_ERR_PARAM_INVALID) when there is no such index
Port port_at(const npu::Program& program, int graph, Side side, std::uint32_t index);

rknn_tensor_type type_of(DType type);
/// @throws InvalidArgument for numbers that are no type, and for int4, which no buffer here can hold
DType dtype_of(rknn_tensor_type type);

/// The order of dimensions in an attribute: NHWC for 4-D inputs. Logical shape <-> dims.
Dims to_format(const Dims& logical, rknn_tensor_format format);
Dims from_format(const Dims& dims, rknn_tensor_format format);

}  // namespace ez_rknn::npurt
