#include "npu/exec/program.hpp"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <new>
#include <stdexcept>

#include "ez_rknn/error.hpp"
#include "npu/exec/cores.hpp"
#include "npu/exec/loaded.hpp"

namespace ez_rknn::npu {
namespace {

/// Dynamic-shape files name RK3562 whatever they were built for. The commands tell: the address of a convolution's
/// input goes into 0x1088 on RK3562 and into 0x1070 on RK3588.
const Chip& chip_of(const file::Model& model) {
  const Chip* chip = find_chip(model.target);
  if (!chip)
    throw Unsupported("chip \"" + model.target + "\" is not supported; known are " + std::string(known_chips()));
  if (chip->name != "rk3562") return *chip;
  for (const auto& graph : model.graphs)
    for (const auto& relocation : graph.relocations)
      if (relocation.word < graph.commands.size() && (graph.commands[relocation.word] & 0xffff) == 0x1070)
        return *find_chip("rk3588");
  return *chip;
}

/// A small file can ask for tensors of any size: what one context would have to allocate is bounded before anything is.
/// The NPU addresses 2^32 bytes; maps of one channel take up to 16 times as much here.
constexpr std::uint64_t kMostActivationBytes = std::uint64_t{1} << 34;

/// Repacking took plain copies of the weights for a moment. What of them the heap still holds would add to what a run
/// takes.
void give_freed_memory_back() {
#if defined(__GLIBC__)
  (void)malloc_trim(0);
#endif
}

void check_size(const plan::GraphPlan& p, std::int64_t batch) {
  std::uint64_t bytes = p.arena_bytes;
  for (const auto& s : p.storages)
    if (s.external && (bytes += s.bytes * std::uint64_t(batch)) > kMostActivationBytes) break;
  if (bytes > kMostActivationBytes)
    throw ModelError(0, "the model's activations take more than " + std::to_string(kMostActivationBytes >> 30) +
                            " GiB for one context");
}

}  // namespace

Loaded::Loaded(file::Model model) : model_(std::move(model)), chip_(chip_of(model_)) {
  if (model_.graphs.empty()) throw ModelError(0, "the model has no graph");
  if (model_.batch < 1 || model_.batch > 1024)
    throw ModelError(0, "a batch of " + std::to_string(model_.batch) + "; 1 to 1024 is possible");
  Team team(Cores::instance().most_threads());  // of its own: loading takes no core away from running contexts
  for (const auto& graph : model_.graphs) {
    plans_.push_back(plan::build(chip_, graph, team));
    check_size(plans_.back(), model_.batch);
    for (const auto& type : plans_.back().custom_types)
      if (std::find(custom_.begin(), custom_.end(), type) == custom_.end()) custom_.push_back(type);
  }
  for (const auto& graph : model_.graphs) file::let_go(graph, graph.mapped);  // runs and queries read little of it
}

std::uint64_t Loaded::arena_bytes(int g) const { return plans_.at(std::size_t(g)).arena_bytes; }

std::uint64_t Loaded::packed_weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& p : plans_)
    for (const auto& step : p.steps) bytes += step->packed_bytes();
  return bytes;
}

std::shared_ptr<const Program> Program::load(file::Model model) try {
  auto loaded = std::make_shared<Loaded>(std::move(model));
  give_freed_memory_back();
  return loaded;
} catch (const std::bad_alloc&) {
  throw Error(Code::fail, "out of memory while preparing the model");
} catch (const std::length_error&) { throw Error(Code::fail, "out of memory while preparing the model"); }

}  // namespace ez_rknn::npu
