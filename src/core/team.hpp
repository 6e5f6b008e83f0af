#pragma once
/// Fork and join for the kernels: a fixed set of threads that work on one job at a time. The caller is one of them.
/// Waiting threads spin for a bounded moment, longer while somebody watches (a layer follows a layer within
/// microseconds), then sleep.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace ez_rknn {

class Team {
 public:
  /// @param threads  size including the caller; 1 starts no thread
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return size_; }
  /// So many threads, the caller included, work from the next job on; the others sleep. 1 to size(), which it is at
  /// first; beyond these, the nearer one. By any thread, at any time, during a watch too.
  /// @param after  a larger number waits for a job that begins so much later; what is said meanwhile takes its place
  void limit(int threads, std::chrono::nanoseconds after = {});
  int limit() const;
  /// Whether no thread within the limit sleeps, so that to hand out a job takes no longer than to write it down. A
  /// guess: they may fall asleep meanwhile.
  bool awake() const;

  /// Wakes the threads and keeps them awake until it ends, for jobs that come one soon after another: each could be too
  /// short to wake anybody for. A thread that finds none for a few milliseconds sleeps all the same. One at a time.
  class Watch {
   public:
    explicit Watch(Team& team);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Team& team_;
  };

  /// Calls body(item, worker) for each item of [0, items); workers are 0 (the caller) to size() - 1. A worker takes the
  /// items of its own share first, in order: so what it wrote in one job, often what the same share of the next job
  /// reads, is in its own cache; then what is left of the others'. Workers that have not come before the last item is
  /// taken are not waited for: on a busy machine the caller does the work alone. Not re-entrant and for one caller at a
  /// time. A body must not throw.
  template <class F>
  void for_each(std::size_t items, F&& body) {
    const int working = settled_limit();
    if (items <= 1 || working == 1) {
      for (std::size_t i = 0; i < items; ++i) body(i, 0);
      return;
    }
    const std::size_t count = std::min({static_cast<std::size_t>(working), items, kShares});
    Share shares[kShares];
    for (std::size_t s = 0; s < count; ++s) {
      shares[s].next.store(items * s / count, std::memory_order_relaxed);
      shares[s].end = items * (s + 1) / count;
    }
    auto job = [&](int worker) {
      for (std::size_t k = 0; k < count; ++k) {
        Share& share = shares[(static_cast<std::size_t>(worker) + k) % count];
        while (share.next.load(std::memory_order_relaxed) < share.end) {
          const std::size_t item = share.next.fetch_add(1, std::memory_order_relaxed);
          if (item < share.end) body(item, worker);
        }
      }
    };
    post(Job::of(job));
  }

 private:
  /// A callable that the caller keeps alive; no memory of its own.
  struct Job {
    void* object = nullptr;
    void (*call)(void*, int) = nullptr;

    template <class F>
    static Job of(F& f) {
      return {const_cast<void*>(static_cast<const void*>(std::addressof(f))),
              [](void* object, int worker) { (*static_cast<std::remove_reference_t<F>*>(object))(worker); }};
    }
  };
  struct State;

  /// Items that nobody has taken yet, on a cache line of their own.
  struct alignas(64) Share {
    std::atomic<std::size_t> next;
    std::size_t end;
  };
  static constexpr std::size_t kShares = 64;

  int settled_limit();
  void change_limit(int threads);
  void post(Job job);
  void end();

  const int size_;
  std::unique_ptr<State> state_;
};

}  // namespace ez_rknn
