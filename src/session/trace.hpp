#pragma once
/// A recording of what happens to tasks, written as a Chrome trace (JSON) for Perfetto and chrome://tracing.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "session/phases.hpp"

namespace ez_rknn {

class Trace {
 public:
  using Time = Phases::Time;
  /// Of each kind of event; what comes later is counted and dropped.
  static constexpr std::size_t kMost = 1 << 15;

  /// One look at this is all a task costs while nothing is recorded.
  bool on() const { return on_.load(std::memory_order_relaxed); }
  /// Begins a recording into `prefix`_YYYY-MM-DD_hh-mm-ss.json, which is created here.
  /// @param cores  of the workers, in order
  /// @throws InvalidArgument when one is under way, NoSuchFile when the file cannot be created
  void start(const std::string& prefix, std::vector<int> cores);
  /// Ends it. @throws Error when the file cannot be written
  void finish();
  /// finish(). @return the file of the last recording, once; "" when there is none
  std::string stop();
  /// Of the steady clock (CLOCK_MONOTONIC); 0 before the first start.
  std::int64_t start_ns() const;

  void executed(std::uint64_t ticket, std::size_t worker, Time accepted, const Phases& phases, bool failed);
  void called(std::uint64_t ticket, const char* thread, Time begin, Time end);

 private:
  struct Task {
    std::uint64_t ticket;
    std::size_t worker;
    Time accepted;
    Phases phases;
    bool failed;
  };
  struct Call {
    std::uint64_t ticket;
    const char* thread;
    Time begin, end;
  };
  struct CloseFile {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  void finish_locked();
  void write(std::FILE* f) const;

  std::atomic<bool> on_{false};
  mutable std::mutex mutex_;  ///< guards what follows
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::string path_;
  std::vector<int> cores_;
  Time start_{};
  std::vector<Task> tasks_;
  std::vector<Call> calls_;
  std::uint64_t dropped_ = 0;
};

}  // namespace ez_rknn
