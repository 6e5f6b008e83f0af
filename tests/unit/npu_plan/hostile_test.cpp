/// Files that lie: sound models with a few numbers changed at random, after the reader has accepted them. Any of them
/// is refused with a typed error, or runs without leaving its memory (the sanitizers watch). EZ_RKNN_MUTANTS sets how
/// many of every fixture.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "ez_rknn/error.hpp"
#include "npu/regs/chip.hpp"
#include "plan_memory.hpp"
#include "rknn_file/reader.hpp"

namespace {

using namespace ez_rknn;
using namespace ez_rknn::npu;

class Liar {
 public:
  explicit Liar(unsigned seed) : random_(seed) {}

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

  std::mt19937 random_;
};

/// @returns whether it ran
bool try_to_run(const Chip& chip, const file::Graph& graph) {
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

}  // namespace

TEST_CASE("a model with a few lies is refused or runs within its memory") {
  const char* wish = std::getenv("EZ_RKNN_MUTANTS");
  const int mutants = wish && *wish ? std::atoi(wish) : 12;
  int ran = 0, refused = 0;
  unsigned seed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(EZ_RKNN_MODELS_DIR) + "/fixtures")) {
    if (entry.path().extension() != ".rknn") continue;
    const file::Model model = file::read(file::map_file(entry.path()));
    const Chip* chip = find_chip(model.target);
    REQUIRE(chip);
    for (int i = 0; i < mutants; ++i) {
      Liar liar(++seed);
      file::Graph graph = model.graphs[0];
      for (int lies = 1 + i % 3; lies > 0; --lies) liar.change(graph);
      CAPTURE(entry.path().filename().string());
      CAPTURE(seed);
      try_to_run(*chip, graph) ? ++ran : ++refused;
    }
  }
  CHECK_GT(ran, 20);
  CHECK_GT(refused, 20);
  MESSAGE(ran << " ran, " << refused << " refused");
}
