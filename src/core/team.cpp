#include "core/team.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace ez_rknn {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

constexpr int kSpins =
    4000;  // about 50 us: longer than the gap between two layers, shorter than a wake-up would cost twice

}  // namespace

struct Team::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<std::uint64_t> job_number{0};
  std::atomic<int> working{0};
  std::atomic<bool> stop{false};
  int sleeping = 0;  // under mutex
  const std::function<void(int)>* job = nullptr;
  std::vector<std::thread> threads;

  void work(int worker) {
    std::uint64_t seen = 0;
    while (true) {
      for (int i = 0;
           i < kSpins && job_number.load(std::memory_order_acquire) == seen && !stop.load(std::memory_order_relaxed);
           ++i)
        relax();
      if (job_number.load(std::memory_order_acquire) == seen && !stop.load()) {
        std::unique_lock lock(mutex);
        ++sleeping;
        wake.wait(lock, [&] { return job_number.load() != seen || stop.load(); });
        --sleeping;
      }
      if (stop.load()) return;
      seen = job_number.load(std::memory_order_acquire);
      (*job)(worker);
      working.fetch_sub(1, std::memory_order_release);
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

void Team::run(const std::function<void(int)>& job) {
  if (size_ == 1) return job(0);
  State& s = *state_;
  s.job = &job;
  s.working.store(size_ - 1, std::memory_order_relaxed);
  bool wake;
  {
    std::lock_guard lock(
        s.mutex);  // pairs with the sleeper's check: it sees the new number or it is counted as sleeping
    s.job_number.fetch_add(1, std::memory_order_release);
    wake = s.sleeping > 0;
  }
  if (wake) s.wake.notify_all();
  job(0);
  for (int i = 0; s.working.load(std::memory_order_acquire) != 0; ++i) i < kSpins ? relax() : std::this_thread::yield();
}

}  // namespace ez_rknn
