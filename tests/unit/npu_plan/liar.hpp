#pragma once
/// Files that lie: a sound graph with a few numbers changed, after the reader has accepted it. Any of them is refused
/// with a typed error, or runs without leaving its memory (the sanitizers watch). For tests and fuzz targets.
#include <functional>
#include <iterator>
#include <optional>

#include "ez_rknn/error.hpp"
#include "npu/regs/chip.hpp"
#include "plan_memory.hpp"

namespace ez_rknn::npu::test {

class Liar {
 public:
  /// @param draw  any numbers: of a seeded generator, or of a fuzzer
  explicit Liar(std::function<unsigned()> draw) : random_(std::move(draw)) {}

  void change(file::Graph& g) {
    switch (random_() % 9) {
      case 0: return with(any(g.tensors).shape, [&](auto& d) { d = number(d); });
      case 1: {
        auto& v = any(g.tensors).native_shape;
        if (!v.empty()) any(v) = static_cast<std::int32_t>(number(any(v)));
        return;
      }
      case 2: {
        auto& t = any(g.tensors);
        t.data = t.data.first(t.data.empty() ? 0 : random_() % t.data.size());
        return;
      }
      case 3: {
        auto& n = any(g.nodes);
        auto& list = random_() % 2 ? n.inputs : n.outputs;
        if (!list.empty())
          any(list) = static_cast<std::int32_t>(number(static_cast<std::int64_t>(g.tensors.size()) - 1));
        return;
      }
      case 4: return change(any(g.nodes));
      case 5:
        if (!g.commands.empty()) {
          auto& word = any(g.commands);
          word = random_() % 2 ? word ^ std::uint64_t{1} << (random_() % 48)
                               : (word & ~(0xffffffffull << 16)) | std::uint64_t{std::uint32_t(number(0))} << 16;
        }
        return;
      case 6:
        if (!g.relocations.empty()) {
          auto& r = any(g.relocations);
          if (random_() % 2) r.tensor = static_cast<std::int32_t>(number(r.tensor));
          else r.addend = static_cast<std::uint32_t>(number(r.addend));
        }
        return;
      case 7: {
        auto& t = any(g.tensors);
        constexpr DType kTypes[] = {DType::i8,  DType::i16, DType::i32,    DType::i64,
                                    DType::f16, DType::f32, DType::boolean};
        t.dtype = kTypes[random_() % std::size(kTypes)];
        return;
      }
      default: std::swap(any(g.nodes).type, any(g.nodes).type);
    }
  }

 private:
  template <class T>
  typename T::value_type& any(T& list) {
    return list[random_() % list.size()];
  }
  template <class F>
  void with(Dims& d, F&& f) {
    if (d.rank() > 0) f(d[static_cast<int>(random_() % unsigned(d.rank()))]);
  }
  std::int64_t number(std::int64_t near) {
    constexpr std::int64_t kOdd[] = {-1, 0, 1, 2, 7, 64, 255, 65536, INT32_MAX, INT32_MIN};
    return random_() % 3 ? near + std::int64_t(random_() % 7) - 3 : kOdd[random_() % std::size(kOdd)];
  }
  void change(file::Node& n) {
    if (n.attributes.values.empty()) return;
    auto it = n.attributes.values.begin();
    std::advance(it, random_() % n.attributes.values.size());
    if (auto* v = std::get_if<std::int64_t>(&it->second)) *v = number(*v);
    else if (auto* list = std::get_if<std::vector<std::int64_t>>(&it->second); list && !list->empty())
      random_() % 4 ? void(any(*list) = number(any(*list))) : list->pop_back();
    else n.attributes.values.erase(it);
  }

  std::function<unsigned()> random_;
};

/// Builds the plan and runs it once on one thread, unless it is big. @returns whether it ran
inline bool try_to_run(const Chip& chip, const file::Graph& graph) {
  Team team(1);
  std::optional<plan::GraphPlan> built;
  try {
    built.emplace(plan::build(chip, graph, team));
  } catch (const ModelError&) { return false; } catch (const Unsupported&) {
    return false;
  }
  // Big is not wrong, but takes long.
  std::size_t bytes = 0;
  std::uint64_t macs = 0;
  for (const auto& s : built->storages) bytes += s.bytes;
  for (const auto& step : built->steps) bytes += step->scratch_bytes(1), macs += step->macs();
  if (bytes > (16u << 20) || macs > 50'000'000 || !built->custom_types.empty()) return false;
  plan::PlanMemory memory(*built);
  memory.randomise_inputs(1);
  for (const auto& step : built->steps) memory.run(*step);
  return true;
}

}  // namespace ez_rknn::npu::test
