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

using Clock = std::chrono::steady_clock;

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
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> watches{0};  ///< begun and ended ones: odd during a watch
  std::atomic<int> limit{1};              ///< workers from here on sleep; changes under mutex
  Job job;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<int> later{0};     ///< a larger limit that waits until it is due; 0: none
  Clock::time_point due;         ///< under mutex
  std::vector<bool> asleep;      ///< by worker; under mutex, as is what follows
  std::atomic<int> sleeping{0};  ///< within the limit
  std::vector<std::thread> threads;

  bool may_work(int worker) const { return worker < limit.load(std::memory_order_relaxed); }

  /// A job that worker has not seen waits.
  bool work_for(int worker, std::uint64_t seen) const {
    const std::uint64_t g = gate.load(std::memory_order_acquire);
    return may_work(worker) && is_open(g) && number_of(g) != seen;
  }

  void sleeps(int worker, bool now) {
    asleep[static_cast<std::size_t>(worker)] = now;
    if (may_work(worker)) sleeping += now ? 1 : -1;
  }

  static bool is_watch(std::uint64_t number) { return number % 2 == 1; }

  /// Spins until there is work or the team ends, but not for ever. Returns the watch, or the time without one, that it
  /// was when patience ended.
  std::uint64_t look_for_work(int worker, std::uint64_t seen) const {
    std::uint64_t watch = watches.load(std::memory_order_relaxed);
    for (int i = 0; may_work(worker) && i < (is_watch(watch) ? kWatchSpins : kSpins); ++i) {
      if (work_for(worker, seen) || stop.load(std::memory_order_relaxed)) break;
      cpu::relax();
      if (const auto now = watches.load(std::memory_order_relaxed); now != watch) watch = now, i = 0;
    }
    return watch;
  }

  void work(int worker) {
    std::uint64_t seen = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::uint64_t watch = look_for_work(worker, seen);
      if (!work_for(worker, seen)) {
        const auto watch_begun = [&] {
          const auto now = watches.load(std::memory_order_relaxed);
          return now != watch && is_watch(now);
        };
        std::unique_lock lock(mutex);
        sleeps(worker, true);
        wake.wait(lock, [&] { return stop.load() || work_for(worker, seen) || (may_work(worker) && watch_begun()); });
        sleeps(worker, false);
      }
      std::uint64_t g = gate.load(std::memory_order_acquire);
      while (may_work(worker) && is_open(g) && number_of(g) != seen) {
        if (!gate.compare_exchange_weak(g, g + 1, std::memory_order_acquire)) continue;
        seen = number_of(g);
        job.call(job.object, worker);
        gate.fetch_sub(1, std::memory_order_release);
        break;
      }
    }
  }
};

Team::Team(int threads) : size_(std::max(threads, 1)), state_(std::make_unique<State>()) {
  state_->limit = size_;
  state_->asleep.resize(static_cast<std::size_t>(size_));
  try {
    for (int i = 1; i < size_; ++i) state_->threads.emplace_back([this, i] { state_->work(i); });
  } catch (...) {  // the system refuses one
    end();
    throw;
  }
}

Team::~Team() { end(); }

void Team::end() {
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
    wake = !team_.awake();
  }
  if (wake) s.wake.notify_all();
}
Team::Watch::~Watch() { team_.state_->watches.fetch_add(1, std::memory_order_relaxed); }

void Team::limit(int threads, std::chrono::nanoseconds after) {
  State& s = *state_;
  threads = std::clamp(threads, 1, size_);
  std::lock_guard lock(s.mutex);
  const bool later = threads > limit() && after.count() > 0;
  s.later.store(later ? threads : 0, std::memory_order_relaxed);
  if (later) s.due = Clock::now() + after;
  else change_limit(threads);
}

/// The limit, of which a larger one takes the place that has been waiting for its time.
int Team::settled_limit() {
  State& s = *state_;
  if (s.later.load(std::memory_order_relaxed) != 0) {
    std::lock_guard lock(s.mutex);
    if (const int threads = s.later.load(std::memory_order_relaxed); threads != 0 && Clock::now() >= s.due) {
      s.later.store(0, std::memory_order_relaxed);
      change_limit(threads);
    }
  }
  return limit();
}

/// Under the mutex.
void Team::change_limit(int threads) {
  State& s = *state_;
  const int before = s.limit.exchange(threads, std::memory_order_relaxed);
  s.sleeping = static_cast<int>(std::count(s.asleep.begin(), s.asleep.begin() + threads, true));
  if (threads <= before || !State::is_watch(s.watches.load(std::memory_order_relaxed))) return;
  s.watches.fetch_add(2, std::memory_order_relaxed);  // to those that come back, the watch begins now
  s.wake.notify_all();
}

int Team::limit() const { return state_->limit.load(std::memory_order_relaxed); }

bool Team::awake() const { return state_->sleeping.load(std::memory_order_relaxed) == 0; }

void Team::post(Job job) {
  State& s = *state_;
  s.job = job;  // nobody is inside: the last job was closed and left
  bool wake;
  {
    // Pairs with the sleeper's check: it sees the open gate, or it is counted as sleeping.
    std::lock_guard lock(s.mutex);
    s.gate.store((number_of(s.gate.load(std::memory_order_relaxed)) + 1) * kNumber | kOpen, std::memory_order_release);
    wake = !awake();
  }
  if (wake) s.wake.notify_all();
  job.call(job.object, 0);
  s.gate.fetch_and(~kOpen, std::memory_order_relaxed);
  for (int spins = 0; s.gate.load(std::memory_order_acquire) & kInside;)
    ++spins < kSpins ? cpu::relax() : std::this_thread::yield();
}

}  // namespace ez_rknn
