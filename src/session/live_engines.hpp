#pragma once
/// Engines of this process, so that all can be closed before it ends.
#include <memory>

namespace ez_rknn {

class Engine;

void remember(const std::shared_ptr<Engine>& engine);

}  // namespace ez_rknn
