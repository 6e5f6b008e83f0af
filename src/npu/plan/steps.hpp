#pragma once
/// The kinds of steps a plan is made of. Slots are those of the plan; images of a batch run one after the other.
#include "npu/kernels/conv/conv.hpp"
#include "npu/kernels/dpu/elementwise.hpp"
#include "npu/kernels/pool/pool.hpp"
#include "npu/ops/registry.hpp"
#include "npu/plan/plan.hpp"

namespace ez_rknn::npu::plan {

class ConvStep final : public Step {
 public:
  using Step::Step;
  void run(const RunState& state) const override;
  std::string kernel() const override { return std::string(conv->kernel()); }
  std::size_t scratch_bytes(int workers) const override;
  std::size_t packed_bytes() const override { return conv->packed_bytes(); }
  std::uint64_t macs() const override { return multiplications; }
  std::uint64_t work() const override;

  kernels::ConvShape shape;
  std::unique_ptr<kernels::Conv> conv;  ///< set when the weights have been packed
  /// Set when the next layer reads only every so many-th pixel: `part` computes those (subsampling.hpp).
  int every_h = 1, every_w = 1;
  std::unique_ptr<kernels::Conv> part;
  const Slot* in = nullptr;
  const Slot* operand = nullptr;  ///< null: none
  const Slot* out = nullptr;
  std::uint64_t multiplications = 0;
};

/// A 1x1 convolution whose input channels come in groups, each a convolution of its own that adds to the output.
class GroupSumStep final : public Step {
 public:
  using Step::Step;
  void run(const RunState& state) const override;
  std::string kernel() const override { return std::string(groups.front()->kernel()); }
  std::size_t scratch_bytes(int workers) const override;
  std::size_t packed_bytes() const override;
  std::uint64_t macs() const override { return multiplications; }
  std::uint64_t work() const override;

  std::vector<std::unique_ptr<kernels::Conv>> groups;  ///< set when the weights have been packed
  int channels = 0;                                    ///< of a group; a multiple of 16
  const Slot* in = nullptr;
  const Slot* out = nullptr;
  std::uint64_t multiplications = 0;
};

/// A convolution whose weights and tail differ from image to image of a batch.
class ImageConvStep final : public Step {
 public:
  using Step::Step;
  void run(const RunState& state) const override;
  std::string kernel() const override { return std::string(images.front()->kernel()); }
  std::size_t scratch_bytes(int workers) const override;
  std::size_t packed_bytes() const override;
  std::uint64_t macs() const override { return multiplications; }
  std::uint64_t work() const override;

  std::vector<std::unique_ptr<kernels::Conv>> images;  ///< set when the weights have been packed
  const Slot* in = nullptr;
  const Slot* out = nullptr;
  std::uint64_t multiplications = 0;
};

class ElementWiseStep final : public Step {
 public:
  using Step::Step;
  void run(const RunState& state) const override;
  std::string kernel() const override { return std::string(layer->kernel()); }

  std::unique_ptr<kernels::ElementWiseLayer> layer;
  const Slot* in = nullptr;
  const Slot* operand = nullptr;
  const Slot* out = nullptr;
};

class PoolStep final : public Step {
 public:
  using Step::Step;
  void run(const RunState& state) const override;
  std::string kernel() const override { return std::string(pool->kernel()); }

  std::unique_ptr<kernels::Pool> pool;
  const Slot* in = nullptr;
  const Slot* out = nullptr;
};

/// Operands of an operator: slots, null where absent.
struct Operands {
  std::vector<const Slot*> in, out;
  std::vector<ConstTensorView> inputs(Bases bases) const;
  std::vector<TensorView> outputs(Bases bases) const;
  /// Kernels multiply the padding of a map with zero weights: it must not hold what an earlier tensor left there.
  void clear_padding(Bases bases) const;
};

class OpStep final : public Step {
 public:
  using Step::Step;
  void run(const RunState& state) const override;
  std::string kernel() const override { return "ops/" + node.type; }
  std::size_t scratch_bytes(int) const override { return op->scratch_bytes(); }

  std::unique_ptr<ops::Operator> op;
  Operands operands;
};

/// An operator the user registers. @throws Error when it is not registered or returns a negative code
class CustomStep final : public Step {
 public:
  using Step::Step;
  void run(const RunState& state) const override;
  std::string kernel() const override { return "custom/" + node.type; }

  Operands operands;
};

}  // namespace ez_rknn::npu::plan
