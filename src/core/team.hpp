#pragma once
/// Fork and join for the kernels: a fixed set of threads that work on one job at a time. The caller is one of them.
/// Waiting threads spin for a bounded moment (a layer follows a layer within microseconds), then sleep.
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

namespace ez_rknn {

class Team {
 public:
  /// @param threads  size including the caller; 1 starts no thread
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return size_; }

  /// Calls job(worker) once for each worker 0..size-1, worker 0 being the caller; returns when all have returned.
  /// Not re-entrant and for one caller at a time. A job must not throw.
  void run(const std::function<void(int)>& job);

  /// Calls body(item, worker) for each item of [0, items), handed out in order by a shared counter.
  template <class F>
  void for_each(std::size_t items, F&& body) {
    if (items <= 1 || size_ == 1) {
      for (std::size_t i = 0; i < items; ++i) body(i, 0);
      return;
    }
    std::atomic<std::size_t> next{0};
    run([&](int worker) {
      for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < items;) body(i, worker);
    });
  }

 private:
  struct State;
  const int size_;
  std::unique_ptr<State> state_;
};

}  // namespace ez_rknn
