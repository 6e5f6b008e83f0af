#include "npu/plan/subsampling.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "npu/plan/steps.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu;
using namespace ez_rknn::npu::plan;

namespace {

/// 9x9 pixels -> 3x3 convolution -> 7x7 -> every third -> 3x3.
struct Pair {
  file::Node node;
  GraphPlan plan;
  std::vector<Use> uses;
  std::vector<std::vector<std::byte>> memory;
  std::vector<std::byte*> bases;
  std::mt19937 random{7};

  Pair() {
    const Slot *x = slot(3, 9), *middle = slot(5, 7), *y = slot(5, 3);
    step(x, middle, {9, 9, 3, 7, 7, 5, 3, 3});
    kernels::ConvShape every{7, 7, 5, 3, 3, 5, 1, 1, 3, 3};
    every.depthwise = true;
    step(middle, y, every);
    for (auto& b : memory.front()) b = static_cast<std::byte>(random());
  }

  const Slot* slot(int channels, int size) {
    Slot& s = plan.slots.emplace_back();
    s.dtype = DType::i8, s.map = true, s.shape = {1, channels, size, size};
    s.storage = static_cast<int>(plan.storages.size());
    lay_out(s);
    plan.storages.push_back({s.bytes});
    bases.push_back(memory.emplace_back(s.bytes + 64).data());
    return &s;
  }
  void step(const Slot* in, const Slot* out, const kernels::ConvShape& shape) {
    auto conv = std::make_unique<ConvStep>(node);
    conv->in = in, conv->out = out, conv->shape = shape;
    plan.steps.push_back(std::move(conv));
    uses.push_back({{in}, {out}});
  }
  ConvStep& at(std::size_t i) { return static_cast<ConvStep&>(*plan.steps[i]); }
  bool skips() {
    skip_unread_pixels(plan, uses);
    return at(0).every_h == 3 && at(0).every_w == 3;
  }

  std::unique_ptr<kernels::Conv> conv(const kernels::ConvShape& s) {
    std::mt19937 same(11);
    kernels::ConvWeights w;
    for (int i = 0; i < s.out_c * (s.depthwise ? 1 : s.in_c) * s.kernel_h * s.kernel_w; ++i)
      w.integers.push_back(static_cast<std::int16_t>(same() % 255) - 127);
    kernels::DpuLayer tail;
    tail.channels = s.out_c;
    tail.out.scale = 1, tail.out.shift = 6;
    return kernels::prepare_conv(s, kernels::ConvInput::i8, std::move(w), std::move(tail));
  }
  /// The last map, the one between having been filled with a value that tells.
  std::vector<std::byte> run(bool observed) {
    std::memset(memory[1].data(), 0x55, memory[1].size());
    std::vector<std::byte> scratch(1 << 20);
    auto* aligned = scratch.data() + (align_up(reinterpret_cast<std::uintptr_t>(scratch.data())) -
                                      reinterpret_cast<std::uintptr_t>(scratch.data()));
    Team team(1);
    const CustomCalls none;
    for (const auto& s : plan.steps) s->run({bases, team, {aligned, scratch.size() - 64}, none, observed});
    return memory[2];
  }
};

}  // namespace

TEST_CASE("pixels that a subsampling layer leaves out are computed for who looks at them only") {
  Pair p;
  REQUIRE(p.skips());
  p.at(0).part = p.conv(subsampled(p.at(0).shape, 3, 3));
  p.at(0).conv = p.conv(p.at(0).shape), p.at(1).conv = p.conv(p.at(1).shape);
  const auto all = p.run(true);
  const auto left_out = [&] { return p.memory[1][16] == std::byte{0x55}; };  // channel 0 of the second pixel
  CHECK_FALSE(left_out());
  CHECK(p.run(false) == all);
  CHECK(left_out());
}

TEST_CASE("a map that somebody else reads, or whose pixels are all read, is computed whole") {
  Pair read;
  read.uses.push_back({{read.at(0).out}, {}});
  CHECK_FALSE(read.skips());
  Pair output;
  output.plan.storages[1].external = true;
  CHECK_FALSE(output.skips());
  Pair window;
  window.at(1).shape.kernel_h = 3;
  CHECK_FALSE(window.skips());
  Pair added;
  added.at(0).operand = added.at(0).in;
  CHECK_FALSE(added.skips());
}
