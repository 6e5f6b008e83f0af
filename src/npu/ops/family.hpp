#pragma once
/// How the files of this folder meet: each family of operators gives its entries, the registry joins them.
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "npu/ops/registry.hpp"

namespace ez_rknn::npu::ops {

struct Entry {
  std::string_view type;
  Factory make;
};
using Family = std::span<const Entry>;

Family arrange_family();
Family move_family();
Family join_family();
Family pad_family();
Family unary_family();
Family binary_family();
Family logic_family();
Family convert_family();
Family reduce_family();
Family rank_family();
Family gather_family();
Family roi_family();
Family scatter_family();
Family col2im_family();
Family convolution_family();
Family resize_family();
Family grid_sample_family();
Family pooling_family();
Family softmax_family();
Family norm_family();
Family channel_norm_family();
Family matmul_family();
Family attention_family();
Family recurrent_family();

using Inputs = std::span<const ConstTensorView>;
using Outputs = std::span<const TensorView>;
using Scratch = std::span<std::byte>;

/// An operator made of a function object, which owns what was prepared and is called as f(in, out, scratch).
template <class F>
std::unique_ptr<Operator> running(F f, std::size_t scratch_bytes = 0) {
  class Running final : public Operator {
   public:
    Running(F f, std::size_t scratch) : f_(std::move(f)), scratch_(scratch) {}
    void run(Inputs in, Outputs out, Scratch scratch) const override { f_(in, out, scratch); }
    std::size_t scratch_bytes() const override { return scratch_; }

   private:
    F f_;
    std::size_t scratch_;
  };
  return std::make_unique<Running>(std::move(f), scratch_bytes);
}

}  // namespace ez_rknn::npu::ops
