#pragma once
/// The contexts of a session: one a worker, each with its core mask, all made before any thread starts.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ez_rknn/options.hpp"
#include "session/context.hpp"

namespace ez_rknn {

struct WorkerContext {
  std::shared_ptr<Context> context;
  std::size_t lane = 0;
  int core = 0;
};

struct WorkerPlan {
  std::vector<WorkerContext> workers;
  std::vector<std::size_t> lane_of;   ///< the lane of ticket k is lane_of[k % size]
  std::vector<std::string> warnings;  ///< what the device could not give
};

/// @param first  the context the model was read with; it becomes a worker's
/// @param make   makes another one
/// @throws DeviceError when a core mask is refused for another reason than the device having no such core
WorkerPlan plan_workers(std::shared_ptr<Context> first, const std::function<std::shared_ptr<Context>()>& make,
                        const SessionOptions& options);

}  // namespace ez_rknn
