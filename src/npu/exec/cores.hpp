#pragma once
/// Virtual cores: the process has as many as the largest chip, and a run holds those of its mask. Contexts pinned to
/// one core queue behind each other in the order they came; contexts on different cores run at the same time and share
/// the machine's CPUs: each has a team as large as if it were alone, of which fewer threads work while others run.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "core/cpu.hpp"
#include "core/team.hpp"

namespace ez_rknn::npu {

class Cores {
 public:
  static constexpr int kMost = 3;
  /// The process's.
  static Cores& instance();
  /// @param threads  the most that one run gets; 0: as many as there are CPUs
  /// @param cpus     that the process may use; runs at the same time share them, at least a thread each, or their
  ///                 threads would wait for each other's time on a CPU in the middle of every layer
  explicit Cores(int threads, int cpus = cpu::available_cpus());
  ~Cores();

  /// Holds cores and a team of threads for one run.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Team& team() const { return *team_; }
    unsigned cores() const { return cores_; }

   private:
    friend class Cores;
    Lease(Cores& owner, unsigned cores, std::unique_ptr<Team> team);
    Cores* owner_;
    unsigned cores_;
    std::unique_ptr<Team> team_;
  };

  /// Waits for its turn. @param mask  bit c: core c; 0: any one that is idle. Bits beyond `count` cores are ignored.
  Lease acquire(unsigned mask, int count);
  /// The most threads a run can get; scratch memory is sized for it.
  int most_threads() const { return threads_; }

 private:
  struct Waiter {
    unsigned mask, any;  ///< wanted cores; or any one of `any` when mask is 0
    unsigned granted = 0;
    std::condition_variable wake;
  };
  void grant();
  void release(unsigned cores, std::unique_ptr<Team> team);
  std::unique_ptr<Team> take_team();
  void divide(std::chrono::nanoseconds patience);

  const int threads_;
  const int all_threads_;  ///< of all runs together, while that is one each
  std::mutex mutex_;
  unsigned busy_ = 0;
  std::vector<Team*> at_work_;  ///< of the leases, the oldest first
  std::list<Waiter*> waiting_;
  /// Their threads sleep; kept because starting threads costs more than a run.
  std::vector<std::unique_ptr<Team>> idle_;
};

}  // namespace ez_rknn::npu
