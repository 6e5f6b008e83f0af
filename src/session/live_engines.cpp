#include "session/live_engines.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/global_mutex.hpp"
#include "core/log.hpp"
#include "session/engine.hpp"
#include "session/fork.hpp"

namespace ez_rknn {
namespace {

struct Registry {
  GlobalMutex mutex;
  std::condition_variable reaped;
  std::vector<std::weak_ptr<Engine>> engines;
  int reapers = 0;
  unsigned generation = 0;  ///< the fork generation `reapers` counts in
};
Registry& registry() {
  static Registry* r = new Registry;  // never destroyed: reapers may outlive static destruction
  return *r;
}

void count_reaper(int change) {
  std::lock_guard lock(registry().mutex);
  if (registry().generation != fork_generation()) registry().reapers = 0;
  registry().generation = fork_generation();
  registry().reapers += change;
  registry().reaped.notify_all();
}

}  // namespace

/// The last reference is gone. A thread of its own waits for what close() does not wait for; the end of the process
/// waits for that thread no longer than close() would.
void Engine::dispose(Engine* engine) noexcept {
  if (fork_generation() != engine->born_in_) return;
  if (!engine->given_up_ && engine->close()) return delete engine;
  count_reaper(1);
  try {
    std::thread([engine] {
      const bool ended = !engine->given_up_ && engine->close();
      if (ended) delete engine;
      count_reaper(-1);
      if (!ended) delete engine;
    }).detach();
  } catch (const std::system_error& e) {  // no more threads: its memory is all that is lost
    log::error(std::string("a session that is let go of is not closed: ") + e.what());
    count_reaper(-1);
  }
}

void remember(const std::shared_ptr<Engine>& engine) {
  std::lock_guard lock(registry().mutex);
  auto& all = registry().engines;
  all.erase(std::remove_if(all.begin(), all.end(), [](const auto& e) { return e.expired(); }), all.end());
  all.push_back(engine);
}

void Engine::retire(std::shared_ptr<Engine> engine) {
  if (engine && !engine->given_up_) engine->close();
}

void close_all_engines() {
  std::vector<std::weak_ptr<Engine>> engines;
  {
    std::lock_guard lock(registry().mutex);
    engines.swap(registry().engines);
  }
  for (const auto& weak : engines)  // all at once, so that their limits run side by side
    if (const auto engine = weak.lock()) engine->begin_close();
  for (const auto& weak : engines)
    if (auto engine = weak.lock()) Engine::retire(std::move(engine));
  std::unique_lock<std::mutex> lock(registry().mutex);
  registry().reaped.wait(lock, [] { return registry().reapers == 0 || registry().generation != fork_generation(); });
}

}  // namespace ez_rknn
