#include "session/workers.hpp"

#include <algorithm>
#include <optional>

#include "session/status.hpp"

namespace ez_rknn {
namespace {

constexpr int kCores = 3;  // the most an RKNPU2 chip has

/// Sets a mask; false when the device has no such core. Single-core chips answer "platform unmatch" to every mask, even
/// to their only core; chips with two call the third an invalid argument. A context is automatic from the start.
bool set_mask(Context& context, std::uint32_t mask) {
  if (mask == RKNN_NPU_CORE_AUTO) return true;
  const int ret = context.set_core_mask(mask);
  if (ret == RKNN_ERR_TARGET_PLATFORM_UNMATCH) return mask == static_cast<std::uint32_t>(RKNN_NPU_CORE_0);
  if (ret == RKNN_ERR_PARAM_INVALID && mask != static_cast<std::uint32_t>(RKNN_NPU_CORE_0)) return false;
  context.check("rknn_set_core_mask", ret);
  return true;
}

class Planner {
 public:
  Planner(std::shared_ptr<Context> first, const std::function<std::shared_ptr<Context>()>& make) : make_(make) {
    spare_ = std::move(first);
  }
  std::shared_ptr<Context> next_context() { return spare_ ? std::move(spare_) : make_(); }

  /// One context for each core of `wanted` the device has, in order; what is refused is kept for the next core.
  std::vector<WorkerContext> one_each(const std::vector<int>& wanted, std::vector<int>& refused) {
    std::vector<WorkerContext> got;
    for (int core : wanted) {
      auto context = next_context();
      if (set_mask(*context, 1u << core)) got.push_back({std::move(context), 0, core});
      else refused.push_back(core), spare_ = std::move(context);
    }
    return got;
  }

 private:
  const std::function<std::shared_ptr<Context>()>& make_;
  std::shared_ptr<Context> spare_;
};

std::string list_of(const std::vector<int>& cores) {
  std::string s;
  for (int c : cores) s += (s.empty() ? "" : ", ") + std::to_string(c);
  return s;
}

/// Workers without a core of their own: one lane, every context with the same mask.
WorkerPlan shared_lane(Planner& planner, const SessionOptions& options, std::uint32_t mask) {
  WorkerPlan plan;
  plan.lane_of = {0};
  for (int i = 0; i < options.threads_per_core; ++i) {
    auto context = planner.next_context();
    if (!set_mask(*context, mask)) {
      plan.warnings.push_back("this device does not have the cores of mask " + std::to_string(mask) +
                              ": the runtime chooses the core");
      mask = RKNN_NPU_CORE_AUTO;
      set_mask(*context, mask);
    }
    plan.workers.push_back({std::move(context), 0, 0});
  }
  return plan;
}

}  // namespace

WorkerPlan plan_workers(std::shared_ptr<Context> first, const std::function<std::shared_ptr<Context>()>& make,
                        const SessionOptions& options) {
  Planner planner(std::move(first), make);
  std::vector<int> cores = options.schedule;
  if (options.balanced)
    for (int c = 0; c < kCores; ++c) cores.push_back(c);
  if (cores.empty()) return shared_lane(planner, options, options.core_mask);
  std::sort(cores.begin(), cores.end());
  cores.erase(std::unique(cores.begin(), cores.end()), cores.end());

  std::vector<int> refused;
  WorkerPlan plan;
  plan.workers = planner.one_each(cores, refused);
  if (plan.workers.empty()) {
    plan = shared_lane(planner, options, RKNN_NPU_CORE_AUTO);
  } else {
    const std::size_t have = plan.workers.size();
    std::vector<std::optional<std::size_t>> lane_of_core(kCores);
    for (std::size_t i = 0; i < have; ++i) {
      plan.workers[i].lane = options.balanced ? 0 : i;
      lane_of_core[static_cast<std::size_t>(plan.workers[i].core)] = plan.workers[i].lane;
    }
    for (std::size_t i = have; i < have * static_cast<std::size_t>(options.threads_per_core); ++i) {
      WorkerContext more = plan.workers[i % have];  // its lane and core
      more.context = planner.next_context();
      set_mask(*more.context, 1u << more.core);
      plan.workers.push_back(std::move(more));
    }
    if (options.balanced) plan.lane_of = {0};
    else
      for (int core : options.schedule)
        if (const auto lane = lane_of_core[static_cast<std::size_t>(core)]) plan.lane_of.push_back(*lane);
  }
  if (!refused.empty() && !options.balanced)
    plan.warnings.push_back("schedule: this device does not have core " + list_of(refused) +
                            "; the tasks meant for it run on the cores there are");
  return plan;
}

}  // namespace ez_rknn
