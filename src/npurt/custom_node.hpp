#pragma once
/// A node of the model that a caller's custom operator computes.
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "abi/rknn.h"
#include "npu/exec/program.hpp"

namespace ez_rknn::npurt {

/// A node's attributes as callbacks read them: integers as INT64, reals as FLOAT32, text as UINT8 (zero-terminated, the
/// zero not counted). "name" is the node's, unless it has such an attribute.
class CustomAttributes {
 public:
  explicit CustomAttributes(const file::Node& node);
  /// Zeros when there is none of that name.
  rknn_custom_op_attr find(const char* name) const;

 private:
  struct Value {
    rknn_tensor_type type;
    std::uint32_t elements;
    std::unique_ptr<std::byte[]> bytes;
  };
  template <class T>
  void add(const std::string& name, rknn_tensor_type type, std::span<const T> values);

  std::map<std::string, Value> values_;
};

/// The attributes behind rknn_custom_op_context.internal_ctx; null for a number that is none.
std::shared_ptr<CustomAttributes> attributes_of(rknn_custom_op_interal_context internal);

/// One node and its buffers: dense, in logical order; float32 for `compute`, the tensors' own types for
/// `compute_native`. Made when the node first runs, which is when `init` is called.
class CustomNode {
 public:
  CustomNode(const rknn_custom_op& op, const file::Node& node, std::span<const ConstTensorView> in,
             std::span<const TensorView> out);
  ~CustomNode();
  CustomNode(const CustomNode&) = delete;
  CustomNode& operator=(const CustomNode&) = delete;

  /// @throws DeviceError with a callback's code
  void run(std::span<const ConstTensorView> in, std::span<const TensorView> out);

 private:
  /// Calls one of the operator's functions; true when it asks to leave the outputs as they are.
  bool call(rknn_custom_op_callback callback, const char* which);
  rknn_custom_op_tensor tensor(std::uint32_t index, const ConstTensorView& view);

  const rknn_custom_op& op_;
  const file::Node& node_;
  const bool floats_;
  rknn_custom_op_context context_{};
  std::vector<std::unique_ptr<std::byte[]>> buffers_;
  std::vector<rknn_custom_op_tensor> inputs_, outputs_;
  bool initialised_ = false;
};

}  // namespace ez_rknn::npurt
