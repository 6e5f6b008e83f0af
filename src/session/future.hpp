#pragma once
/// The two ends of a Future.
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "session/request.hpp"

namespace ez_rknn {

struct Future::State {
  mutable std::mutex mutex;
  std::condition_variable wake;
  bool ready = false;
  std::vector<Tensor> results;
  std::exception_ptr error;
};

/// Owns itself from acceptance until it is finished.
struct FutureRequest : OwningRequest {
  std::shared_ptr<Future::State> state = std::make_shared<Future::State>();

  void finished() noexcept override;
};

}  // namespace ez_rknn
