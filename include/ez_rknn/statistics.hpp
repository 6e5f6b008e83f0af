#pragma once
/// What a session has done and is doing.
#include <cstdint>
#include <vector>

namespace ez_rknn {

/// Milliseconds. Percentiles come from a histogram: at most an eighth above the true value, never above `max`.
struct Percentiles {
  double mean = 0, p50 = 0, p90 = 0, p99 = 0, max = 0;
};

struct CoreStatistics {
  int core = 0;
  int workers = 0;
  std::uint64_t tasks = 0;  ///< executed
  double busy_ms = 0;       ///< setting inputs, running and fetching outputs, summed over the workers
};

/// Counters since the session was created, and what is under way now. At any moment
/// submitted = waiting + running + completed + failed + cancelled + timed_out.
struct Statistics {
  std::uint64_t submitted = 0;         ///< tasks accepted: tickets given out
  std::uint64_t waiting = 0;           ///< accepted, not yet begun
  std::uint64_t waiting_for_room = 0;  ///< not yet accepted
  std::uint64_t running = 0;           ///< being executed, with somebody interested
  std::uint64_t abandoned = 0;         ///< being executed although their time limit has passed
  std::uint64_t completed = 0;         ///< executed without an error
  std::uint64_t failed = 0;            ///< executed with one
  std::uint64_t cancelled = 0;         ///< withdrawn before they began
  std::uint64_t timed_out = 0;         ///< whose time limit passed
  std::uint64_t rejected = 0;          ///< never accepted: no room in time, or ended while they waited for it
  std::uint64_t undelivered = 0;       ///< ended, callback not yet begun
  std::uint64_t delivered = 0;         ///< ended, and the outcome given to the caller
  std::uint64_t ran_on_caller = 0;     ///< blocking runs that needed no worker thread
  Percentiles wait;                    ///< from acceptance to the first call of the runtime
  Percentiles run;                     ///< rknn_run of tasks that completed
  std::vector<CoreStatistics> cores;   ///< one entry a core; a single one where tasks have no core of their own
};

}  // namespace ez_rknn
