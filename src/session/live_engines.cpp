#include "session/live_engines.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "session/engine.hpp"
#include "session/fork.hpp"

namespace ez_rknn {
namespace {

struct Registry {
  std::mutex mutex;
  std::condition_variable reaped;
  std::vector<std::weak_ptr<Engine>> engines;
  int reapers = 0;
  unsigned generation = 0;  ///< the fork generation `reapers` counts in
};
Registry& registry() {
  static Registry* r = new Registry;  // never destroyed: reapers may outlive static destruction
  return *r;
}

void close_in_background(std::shared_ptr<Engine> engine) {
  {
    std::lock_guard lock(registry().mutex);
    if (registry().generation != fork_generation()) registry().reapers = 0;
    registry().generation = fork_generation();
    ++registry().reapers;
  }
  std::thread([engine = std::move(engine)]() mutable {
    engine->close();
    engine.reset();
    std::lock_guard lock(registry().mutex);
    --registry().reapers;
    registry().reaped.notify_all();
  }).detach();
}

}  // namespace

void remember(const std::shared_ptr<Engine>& engine) {
  std::lock_guard lock(registry().mutex);
  auto& all = registry().engines;
  all.erase(std::remove_if(all.begin(), all.end(), [](const auto& e) { return e.expired(); }), all.end());
  all.push_back(engine);
}

void Engine::retire(std::shared_ptr<Engine> engine) {
  if (!engine) return;
  if (fork_generation() != engine->born_in_) {
    static_cast<void>(new std::shared_ptr<Engine>(std::move(engine)));  // its threads are in another process
  } else if (engine->on_own_thread()) {
    close_in_background(std::move(engine));
  } else {
    engine->close();
  }
}

void close_all_engines() {
  std::vector<std::weak_ptr<Engine>> engines;
  {
    std::lock_guard lock(registry().mutex);
    engines.swap(registry().engines);
  }
  for (const auto& weak : engines)
    if (auto engine = weak.lock()) Engine::retire(std::move(engine));
  std::unique_lock lock(registry().mutex);
  registry().reaped.wait(lock, [] { return registry().reapers == 0 || registry().generation != fork_generation(); });
}

}  // namespace ez_rknn
