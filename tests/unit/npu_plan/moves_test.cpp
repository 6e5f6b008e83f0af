#include "npu/plan/moves.hpp"

#include <doctest/doctest.h>

#include <random>

#include "npu/regs/chip.hpp"
#include "plan_memory.hpp"

using namespace ez_rknn;
using namespace ez_rknn::npu::plan;

namespace {

/// Offsets of all elements in logical order.
std::vector<std::int64_t> walk(const Dims& shape, const Dims& strides) {
  std::vector<std::int64_t> at{0};
  for (int d = 0; d < shape.rank(); ++d) {
    std::vector<std::int64_t> next;
    for (auto base : at)
      for (std::int64_t i = 0; i < shape[d]; ++i) next.push_back(base + i * strides[d]);
    at = std::move(next);
  }
  return at;
}

/// Graphs of moves only, made by hand.
struct Moves {
  file::Graph graph;

  std::int32_t tensor(Dims shape, file::Kind kind, bool feature, float scale = 1.0f) {
    auto& t = graph.tensors.emplace_back();
    t.name = "t" + std::to_string(graph.tensors.size()), t.dtype = DType::i8, t.kind = kind, t.shape = shape;
    t.layout = feature ? file::Layout::feature : file::Layout::plain;
    t.quantised = true, t.quant = {scale, 0};
    const auto index = static_cast<std::int32_t>(graph.tensors.size() - 1);
    if (kind == file::Kind::input) graph.inputs.push_back(index), graph.normalisation.emplace_back();
    if (kind == file::Kind::output) graph.outputs.push_back(index);
    return index;
  }
  void node(const char* type, std::vector<std::int32_t> in, std::vector<std::int32_t> out,
            std::map<std::string, file::Attribute, std::less<>> attributes = {}) {
    auto& n = graph.nodes.emplace_back();
    n.type = type, n.name = type, n.inputs = std::move(in), n.outputs = std::move(out);
    n.attributes.values = std::move(attributes);
  }
  GraphPlan build() {
    Team team(1);
    return ez_rknn::npu::plan::build(*npu::find_chip("rk3588"), graph, team);
  }
};

std::vector<double> run(const GraphPlan& plan, PlanMemory& memory, std::int32_t out) {
  memory.randomise_inputs(3);
  for (const auto& step : plan.steps) memory.run(*step);
  return memory.values(out);
}

}  // namespace

TEST_CASE("a reshape without a copy shows the same elements in order, and says when it cannot") {
  std::mt19937 random(5);
  int views = 0, copies = 0;
  for (int round = 0; round < 2000; ++round) {
    Dims shape, to, strides;
    std::vector<std::int64_t> factors;
    for (auto k = random() % 6; k > 0; --k) factors.push_back(1 + std::int64_t(random() % 3));
    const auto grouped = [&] {
      Dims d;
      for (std::size_t k = 0; k < factors.size();) {
        std::int64_t n = factors[k++];
        while (k < factors.size() && random() % 2) n *= factors[k++];
        d.push_back(n);
        if (random() % 4 == 0) d.push_back(1);
      }
      return d;
    };
    shape = grouped(), to = grouped();
    strides = dense_strides(shape);
    for (int d = 0; d < shape.rank(); ++d)
      if (random() % 5 == 0)
        for (int e = 0; e <= d; ++e) strides[e] *= 3;  // a gap
    if (const auto view = reshaped_strides(shape, strides, to)) {
      CHECK_EQ(walk(shape, strides), walk(to, *view));
      ++views;
    } else {
      CHECK_NE(strides, dense_strides(shape));
      ++copies;
    }
  }
  CHECK_GT(views, 500);
  CHECK_GT(copies, 100);
  CHECK_FALSE(reshaped_strides({2, 3}, {3, 1}, {7}));
}

TEST_CASE("a detection head's reshape and transpose cost nothing") {
  Moves m;
  const auto x = m.tensor({1, 8, 6, 5}, file::Kind::input, true);
  const auto inner = m.tensor({1, 8, 6, 5}, file::Kind::internal, true);
  const auto flat = m.tensor({1, 8, 30}, file::Kind::internal, false);
  const auto out = m.tensor({1, 30, 8}, file::Kind::output, false);
  m.node("Abs", {x}, {inner});
  m.node("Reshape", {inner}, {flat});
  m.node("Transpose", {flat}, {out}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
  const auto plan = m.build();
  CHECK_EQ(plan.steps.size(), 1u);
  PlanMemory memory(plan);
  const auto got = run(plan, memory, out), from = memory.values(inner);
  for (std::size_t p = 0; p < 30; ++p)
    for (std::size_t c = 0; c < 8; ++c) CHECK_EQ(got[p * 8 + c], from[c * 30 + p]);
}

TEST_CASE("maps of few channels that no kernel touches are dense, those with little padding stay") {
  for (const std::int64_t channels : {3, 8, 9}) {
    CAPTURE(channels);
    Moves m;
    const auto x = m.tensor({1, channels, 6, 5}, file::Kind::input, true);
    const auto inner = m.tensor({1, channels, 6, 5}, file::Kind::internal, true);
    const auto out = m.tensor({1, channels, 6, 5}, file::Kind::output, true);
    m.node("Abs", {x}, {inner});
    m.node("Neg", {inner}, {out});
    const auto plan = m.build();
    for (const auto t : {x, inner, out}) {
      const Slot& slot = plan.slots[std::size_t(t)];
      CHECK_EQ(slot.map, channels > 8);
      CHECK_EQ(plan.storages[std::size_t(slot.storage)].bytes, std::size_t(channels > 8 ? 16 : channels) * 30);
    }
    PlanMemory memory(plan);
    const auto got = run(plan, memory, out), from = memory.values(x);
    for (std::size_t i = 0; i < got.size(); ++i) CHECK_EQ(got[i], -std::min(std::abs(from[i]), 127.0));
  }
}

TEST_CASE("an output never shows an input's memory") {
  Moves m;
  const auto x = m.tensor({1, 8}, file::Kind::input, false);
  const auto out = m.tensor({8, 1}, file::Kind::output, false);
  m.node("Reshape", {x}, {out});
  const auto plan = m.build();
  CHECK_EQ(plan.steps.size(), 1u);
  CHECK_NE(plan.inputs[0]->storage, plan.outputs[0]->storage);
}

TEST_CASE("concat and split: in place where numbers agree, copied where they do not") {
  for (const bool feature : {false, true})
    for (const float scale : {1.0f, 0.5f}) {
      CAPTURE(feature);
      CAPTURE(scale);
      Moves m;
      const auto x = m.tensor({1, 48, 3, 2}, file::Kind::input, feature);
      const auto a = m.tensor({1, 16, 3, 2}, file::Kind::internal, feature);
      const auto b = m.tensor({1, 32, 3, 2}, file::Kind::internal, feature);
      const auto c = m.tensor({1, 16, 3, 2}, file::Kind::internal, feature);
      const auto d = m.tensor({1, 32, 3, 2}, file::Kind::internal, feature);
      const auto out = m.tensor({1, 48, 3, 2}, file::Kind::output, feature, scale);
      m.node("Split", {x}, {a, b}, {{"axis", std::int64_t{1}}});
      m.node("Neg", {a}, {c});
      m.node("Abs", {b}, {d});
      m.node("Concat", {d, c}, {out}, {{"axis", std::int64_t{1}}});
      const auto plan = m.build();
      CHECK_EQ(plan.steps.size(), scale == 1.0f ? 2u : 3u);
      PlanMemory memory(plan);
      const auto got = run(plan, memory, out), from = memory.values(x);
      for (std::size_t i = 0; i < 32 * 6; ++i)
        CHECK_EQ(got[i], std::min(127.0, std::abs(from[16 * 6 + i]) * (scale == 1.0f ? 1 : 2)));
      for (std::size_t i = 0; i < 16 * 6; ++i)
        CHECK_EQ(got[32 * 6 + i], std::clamp(std::min(127.0, -from[i]) * (scale == 1.0f ? 1 : 2), -128.0, 127.0));
    }
}

TEST_CASE("a concat copies those of its parts whose numbers do not agree, the others are in place") {
  for (const bool feature : {false, true})
    for (const int alike : {0, 1, 2}) {
      CAPTURE(feature);
      CAPTURE(alike);
      Moves m;
      const auto x = m.tensor({1, 16, 3, 2}, file::Kind::input, feature);
      std::vector<std::int32_t> parts;
      for (int i = 0; i < 3; ++i) {
        parts.push_back(m.tensor({1, 16, 3, 2}, file::Kind::internal, feature, i == alike ? 0.5f : 1.0f));
        m.node(i == 1 ? "Abs" : "Neg", {x}, {parts.back()});
      }
      const auto out = m.tensor({1, 48, 3, 2}, file::Kind::output, feature, 0.5f);
      m.node("Concat", parts, {out}, {{"axis", std::int64_t{1}}});
      const auto plan = m.build();
      CHECK_EQ(plan.steps.size(), 4);
      int placed = 0;
      for (const auto i : parts) {
        const auto &part = plan.slots[std::size_t(i)], &whole = plan.slots[std::size_t(out)];
        placed += part.storage == whole.storage;
      }
      CHECK_EQ(placed, 1);
      PlanMemory memory(plan);
      const auto got = run(plan, memory, out), from = memory.values(x);
      for (std::size_t part = 0; part < 3; ++part)
        for (std::size_t i = 0; i < 16 * 6; ++i) {
          const double step = std::size_t(alike) == part ? 0.5 : 1.0;
          const double value = std::min(127.0 * step, part == 1 ? std::abs(from[i]) : -from[i]);
          CHECK_EQ(got[part * 16 * 6 + i], std::clamp(std::nearbyint(value / step) * step * 2, -128.0, 127.0));
        }
    }
}

TEST_CASE("what a concat gave a place is copied there, not shown from elsewhere") {
  Moves m;
  const auto x = m.tensor({2, 8}, file::Kind::input, false);
  const auto y = m.tensor({2, 16}, file::Kind::input, false);
  const auto a = m.tensor({1, 16}, file::Kind::internal, false);
  const auto b = m.tensor({1, 16}, file::Kind::internal, false);
  const auto c = m.tensor({1, 16}, file::Kind::internal, false);
  const auto out = m.tensor({1, 32}, file::Kind::output, false);
  m.node("Reshape", {x}, {a});
  m.node("Split", {y}, {b, c}, {{"axis", std::int64_t{0}}});
  m.node("Concat", {a, b}, {out}, {{"axis", std::int64_t{1}}});
  const auto plan = m.build();
  CHECK_EQ(plan.steps.size(), 2u);
  PlanMemory memory(plan);
  const auto got = run(plan, memory, out), from_x = memory.values(x), from_y = memory.values(y);
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK_EQ(got[i], from_x[i]);
    CHECK_EQ(got[16 + i], from_y[i]);
  }
}

TEST_CASE("a tensor concatenated twice, or with itself, keeps its place") {
  Moves m;
  const auto x = m.tensor({1, 16, 2, 2}, file::Kind::input, true);
  const auto a = m.tensor({1, 16, 2, 2}, file::Kind::internal, true);
  const auto twice = m.tensor({1, 32, 2, 2}, file::Kind::output, true);
  const auto again = m.tensor({1, 32, 2, 2}, file::Kind::output, true);
  const auto b = m.tensor({1, 16, 2, 2}, file::Kind::internal, true);
  m.node("Abs", {x}, {a});
  m.node("Neg", {x}, {b});
  m.node("Concat", {a, a}, {twice}, {{"axis", std::int64_t{1}}});
  m.node("Concat", {b, a}, {again}, {{"axis", std::int64_t{1}}});
  const auto plan = m.build();
  PlanMemory memory(plan);
  const auto got = run(plan, memory, twice), other = memory.values(again), from = memory.values(x);
  for (std::size_t i = 0; i < 64; ++i) {
    CHECK_EQ(got[i], std::min(127.0, std::abs(from[i])));
    CHECK_EQ(got[64 + i], got[i]);
    CHECK_EQ(other[64 + i], got[i]);
    CHECK_EQ(other[i], std::min(127.0, -from[i]));
  }
}
