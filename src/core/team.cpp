#include "core/team.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "core/cpu.hpp"

namespace ez_rknn {
namespace {

/// About 50 us: longer than the gap between two layers, shorter than a wake-up would cost twice.
constexpr int kSpins = 4000;
/// During a watch: longer than most layers that one thread computes alone.
constexpr int kWatchSpins = 100 * 1000;

/// The gate of a job in one word, so that to come in and to close cannot miss each other: the job's number, whether it
/// is open, and how many workers are inside.
constexpr std::uint64_t kInside = 0xffff, kOpen = 1u << 16, kNumber = 1u << 17;

constexpr std::uint64_t number_of(std::uint64_t gate) { return gate / kNumber; }
constexpr bool is_open(std::uint64_t gate) { return (gate & kOpen) != 0; }

}  // namespace

struct Team::State {
  std::atomic<std::uint64_t> gate{0};
  std::atomic<int> came{0};  ///< workers that have come in to the current job
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> watches{0};  ///< begun and ended ones: odd during a watch
  Job job;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<int> sleeping{0};  ///< changes under mutex
  std::vector<std::thread> threads;

  /// A job that worker has not seen waits.
  bool work_for(std::uint64_t seen) const {
    const std::uint64_t g = gate.load(std::memory_order_acquire);
    return is_open(g) && number_of(g) != seen;
  }

  static bool is_watch(std::uint64_t number) { return number % 2 == 1; }

  /// Spins until there is work or the team ends, but not for ever. Returns the watch, or the time without one, that it
  /// was when patience ended.
  std::uint64_t look_for_work(std::uint64_t seen) const {
    std::uint64_t watch = watches.load(std::memory_order_relaxed);
    for (int i = 0; i < (is_watch(watch) ? kWatchSpins : kSpins); ++i) {
      if (work_for(seen) || stop.load(std::memory_order_relaxed)) break;
      cpu::relax();
      if (const auto now = watches.load(std::memory_order_relaxed); now != watch) watch = now, i = 0;
    }
    return watch;
  }

  void work(int worker) {
    std::uint64_t seen = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::uint64_t watch = look_for_work(seen);
      if (!work_for(seen)) {
        const auto watch_begun = [&] {
          const auto now = watches.load(std::memory_order_relaxed);
          return now != watch && is_watch(now);
        };
        std::unique_lock lock(mutex);
        ++sleeping;
        wake.wait(lock, [&] { return work_for(seen) || stop.load() || watch_begun(); });
        --sleeping;
      }
      std::uint64_t g = gate.load(std::memory_order_acquire);
      while (is_open(g) && number_of(g) != seen) {
        if (!gate.compare_exchange_weak(g, g + 1, std::memory_order_acquire)) continue;
        seen = number_of(g);
        came.fetch_add(1, std::memory_order_relaxed);
        job.call(job.object, worker);
        gate.fetch_sub(1, std::memory_order_release);
        break;
      }
    }
  }
};

Team::Team(int threads) : size_(std::max(threads, 1)), state_(std::make_unique<State>()) {
  for (int i = 1; i < size_; ++i) state_->threads.emplace_back([this, i] { state_->work(i); });
}

Team::~Team() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  for (auto& t : state_->threads) t.join();
}

Team::Watch::Watch(Team& team) : team_(team) {
  State& s = *team_.state_;
  bool wake;
  {
    // Pairs with the sleeper's check, as a job does.
    std::lock_guard lock(s.mutex);
    s.watches.fetch_add(1, std::memory_order_relaxed);
    wake = s.sleeping > 0;
  }
  if (wake) s.wake.notify_all();
}
Team::Watch::~Watch() { team_.state_->watches.fetch_add(1, std::memory_order_relaxed); }

bool Team::awake() const { return state_->sleeping.load(std::memory_order_relaxed) == 0; }

void Team::post(Job job, bool everybody) {
  if (size_ == 1) return job.call(job.object, 0);
  State& s = *state_;
  s.job = job;  // nobody is inside: the last job was closed and left
  s.came.store(0, std::memory_order_relaxed);
  bool wake;
  {
    // Pairs with the sleeper's check: it sees the open gate, or it is counted as sleeping.
    std::lock_guard lock(s.mutex);
    s.gate.store((number_of(s.gate.load(std::memory_order_relaxed)) + 1) * kNumber | kOpen, std::memory_order_release);
    wake = s.sleeping > 0;
  }
  if (wake) s.wake.notify_all();
  job.call(job.object, 0);
  int spins = 0;
  const auto pause = [&] { ++spins < kSpins ? cpu::relax() : std::this_thread::yield(); };
  while (everybody && s.came.load(std::memory_order_relaxed) < size_ - 1) pause();
  s.gate.fetch_and(~kOpen, std::memory_order_relaxed);
  while (s.gate.load(std::memory_order_acquire) & kInside) pause();
}

}  // namespace ez_rknn
