#pragma once
/// What every factory does first: look at a node's operands and attributes and say in words what does not fit.
#include <optional>
#include <string>
#include <vector>

#include "npu/ops/registry.hpp"

namespace ez_rknn::npu::ops {

/// Type, shape and quantisation of an operand, known before any data is.
struct Meta {
  DType dtype = DType::f32;
  Dims shape;
  Quant quant;
  int rank() const { return shape.rank(); }
};

class Checked {
 public:
  /// @throws ModelError when the number of operands is not in the ranges, or an operand's shape is negative or absurd
  Checked(const NodeSpec& spec, int min_inputs, int max_inputs, int min_outputs = 1, int max_outputs = 1);

  int inputs() const { return static_cast<int>(spec_.inputs.size()); }
  int outputs() const { return static_cast<int>(spec_.outputs.size()); }
  /// An optional operand that is absent, or given as an empty tensor, is not there.
  bool has_input(int i) const;
  bool has_output(int i) const;
  bool is_constant(int i) const;
  /// @throws ModelError when the operand is absent
  const Meta& in(int i) const;
  const Meta& out(int i = 0) const;

  /// All numbers of a constant operand in row-major order.
  /// @throws Unsupported when the operand comes with every run, `what` being what it means
  std::vector<std::int64_t> integers(int i, const char* what) const;
  std::vector<double> reals(int i, const char* what) const;
  /// The only or first number of a constant operand. @throws ModelError when it is empty
  double scalar(int i, const char* what) const;

  const file::Attributes& attributes() const { return spec_.node.attributes; }
  /// An axis attribute as 0..rank-1. @throws ModelError
  int axis(std::int64_t fallback, int rank) const { return axis_of(attributes().integer("axis", fallback), rank); }
  int axis_of(std::int64_t axis, int rank) const;
  /// Sorted, without duplicates.
  std::vector<int> axes_of(const std::vector<std::int64_t>& axes, int rank) const;

  /// Output `i` must have these dimensions, where dimensions of 1 may be more or fewer. @throws ModelError
  void expect_output(int i, const Dims& shape) const;
  void expect_same_shape(int input, int output = 0) const { expect_output(output, in(input).shape); }
  /// Input i, which a product of shape `to` is added to or multiplied with, must broadcast to it. @throws ModelError
  void expect_broadcast(int i, const Dims& to) const;
  /// Numpy's broadcast of the inputs' shapes. @throws ModelError when they do not go together
  Dims broadcast(const std::vector<int>& inputs) const;

  [[noreturn]] void wrong(const std::string& what) const;    ///< ModelError
  [[noreturn]] void missing(const std::string& what) const;  ///< Unsupported
  const NodeSpec& spec() const { return spec_; }
  const std::string& type() const { return spec_.node.type; }

 private:
  const OperandSpec& constant(int i, const char* what) const;
  std::string prefix() const;

  const NodeSpec& spec_;
  std::vector<Meta> in_, out_;
};

/// The same elements under a shape that differs only in dimensions of 1, as expect_output() accepts it.
template <class View>
View with_shape(const View& view, const Dims& shape) {
  if (view.shape == shape) return view;
  View v = view;
  v.shape = shape;
  v.strides = shape;
  int own = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) {
      v.strides[i] = 0;
      continue;
    }
    while (own < view.shape.rank() - 1 && view.shape[own] == 1) ++own;
    v.strides[i] = view.strides[own++];
  }
  return v;
}

}  // namespace ez_rknn::npu::ops
