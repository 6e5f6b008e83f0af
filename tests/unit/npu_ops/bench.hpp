#pragma once
/// A node on the workbench: tensors of any type and layout around one operator, made and run as the plan does it.
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "npu/ops/registry.hpp"
#include "npu/ops/rows.hpp"

namespace ops_test {

using namespace ez_rknn;

enum class Layout { dense, channels_last };

/// Strides of a feature map (dimension 1 innermost, padded to 16) or, for other ranks, of reversed dimensions with room
/// around them. @return elements of the buffer
inline std::int64_t strided(const Dims& shape, Layout layout, Dims& strides) {
  strides = dense_strides(shape);
  if (layout == Layout::dense) return shape.elements();
  std::int64_t step = 1;
  if (shape.rank() == 4) {
    for (int i : {1, 3, 2, 0}) strides[i] = step, step *= i == 1 ? (shape[1] + 15) / 16 * 16 : shape[i];
  } else {
    for (int i = 0; i < shape.rank(); ++i) strides[i] = step, step *= shape[i] + 3;
  }
  return step;
}

/// Memory with a view on some of it; the rest holds a pattern that must survive.
class Memory {
 public:
  Memory(DType type, const Dims& shape, Quant quant, Layout layout) {
    view_.dtype = type, view_.shape = shape, view_.quant = quant;
    const auto elements = static_cast<std::size_t>(strided(shape, layout, view_.strides));
    bytes_.assign(elements * size_of(type) + 64, kPattern);
    view_.data = bytes_.data() + 32;
  }
  const TensorView& view() const { return view_; }

  void put(const std::vector<double>& values) {
    each([&](std::ptrdiff_t at, std::size_t i) { npu::ops::store_row(view_, at, 1, 1, &values[i]); });
  }
  std::vector<double> get() const {
    std::vector<double> values(static_cast<std::size_t>(view_.shape.elements()));
    each([&](std::ptrdiff_t at, std::size_t i) { npu::ops::load_row(ConstTensorView(view_), at, 1, 1, &values[i]); });
    return values;
  }
  /// True when all bytes outside the logical elements hold the pattern.
  bool surroundings_intact() const {
    std::vector<std::byte> rest = bytes_;
    const std::size_t size = size_of(view_.dtype);
    each([&](std::ptrdiff_t at, std::size_t) {
      std::memset(rest.data() + 32 + static_cast<std::size_t>(at) * size, int(kPattern), size);
    });
    for (std::byte b : rest)
      if (b != kPattern) return false;
    return true;
  }

 private:
  static constexpr std::byte kPattern{0x5a};

  template <class F>
  void each(F f) const {
    const auto n = static_cast<std::size_t>(view_.shape.elements());
    for (std::size_t i = 0; i < n; ++i) {
      auto rest = static_cast<std::int64_t>(i);
      std::ptrdiff_t at = 0;
      for (int d = view_.shape.rank() - 1; d >= 0; --d)
        at += rest % view_.shape[d] * view_.strides[d], rest /= view_.shape[d];
      f(at, i);
    }
  }
  std::vector<std::byte> bytes_;
  TensorView view_;
};

class Bench {
 public:
  explicit Bench(std::string type) {
    node_.type = std::move(type), node_.name = "under test";
    graph_.tensors.reserve(64);  // operands point there
  }

  file::Attributes& attributes() { return node_.attributes; }
  npu::ops::NodeRegisters registers;

  Memory& input(DType type, const Dims& shape, Quant quant = {}, Layout layout = Layout::dense) {
    return operand(inputs_, type, shape, quant, layout, file::Kind::internal);
  }
  Memory& constant(DType type, const Dims& shape, const std::vector<double>& values, Quant quant = {}) {
    Memory& m = operand(inputs_, type, shape, quant, Layout::dense, file::Kind::cpu_constant);
    m.put(values);
    inputs_.back().constant = true;
    return m;
  }
  Memory& output(DType type, const Dims& shape, Quant quant = {}, Layout layout = Layout::dense) {
    return operand(outputs_, type, shape, quant, layout, file::Kind::internal);
  }
  void no_input() { inputs_.push_back({}); }
  void no_output() { outputs_.push_back({}); }
  /// A constant that only the operator can read; `data` must stay alive. @return its tensor, to be changed further
  file::Tensor& packed(const Dims& shape, DType type, std::span<const std::byte> data, Quant quant = {}) {
    operand(inputs_, type, {}, quant, Layout::dense, file::Kind::constant);
    inputs_.back().absent_at_run = true;
    file::Tensor& t = *inputs_.back().tensor;
    t.shape = shape, t.layout = file::Layout::weight, t.data = data;
    t.size = static_cast<std::uint32_t>(data.size());
    return t;
  }

  npu::ops::Operator& prepare() {
    npu::ops::NodeSpec spec{graph_, node_, {}, {}, &registers};
    for (const Operand& o : inputs_)
      spec.inputs.push_back({o.tensor, o.constant ? ConstTensorView(o.memory->view()) : ConstTensorView{}});
    for (const Operand& o : outputs_) spec.outputs.push_back({o.tensor, {}});
    const auto factory = npu::ops::find(node_.type);
    if (!factory) throw std::runtime_error("no factory for " + node_.type);
    op_ = factory(spec);
    return *op_;
  }
  void run() {
    if (!op_) prepare();
    std::vector<ConstTensorView> in;
    std::vector<TensorView> out;
    for (const Operand& o : inputs_)
      in.push_back(o.memory && !o.absent_at_run ? ConstTensorView(o.memory->view()) : ConstTensorView{});
    for (const Operand& o : outputs_) out.push_back(o.memory ? o.memory->view() : TensorView{});
    // Exactly as large as asked for and full of NaN patterns, so that reading too much or too early shows.
    std::unique_ptr<std::byte[], void (*)(std::byte*)> scratch(
        static_cast<std::byte*>(::operator new(op_->scratch_bytes(), std::align_val_t{64})),
        [](std::byte* p) { ::operator delete(p, std::align_val_t{64}); });
    std::memset(scratch.get(), 0xff, op_->scratch_bytes());
    op_->run(in, out, {scratch.get(), op_->scratch_bytes()});
  }

 private:
  struct Operand {
    file::Tensor* tensor = nullptr;
    Memory* memory = nullptr;
    bool constant = false, absent_at_run = false;
  };
  Memory& operand(std::vector<Operand>& list, DType type, const Dims& shape, Quant quant, Layout layout,
                  file::Kind kind) {
    if (graph_.tensors.size() == graph_.tensors.capacity()) throw std::runtime_error("too many operands for a bench");
    file::Tensor& t = graph_.tensors.emplace_back();
    t.name = "t" + std::to_string(graph_.tensors.size()), t.dtype = type, t.shape = shape, t.quant = quant,
    t.kind = kind;
    t.quantised = !(quant == Quant{});
    memory_.emplace_back(type, shape, quant, layout);
    list.push_back({&t, &memory_.back(), false, false});
    return memory_.back();
  }

  file::Graph graph_;
  file::Node node_;
  std::deque<Memory> memory_;
  std::vector<Operand> inputs_, outputs_;
  std::unique_ptr<npu::ops::Operator> op_;
};

}  // namespace ops_test
