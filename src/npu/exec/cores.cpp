#include "npu/exec/cores.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "core/cpu.hpp"
#include "ez_rknn/error.hpp"

namespace ez_rknn::npu {
namespace {

constexpr int kMostThreads = 256;

/// Before a run takes over the threads of one that has ended: the next one of the same context often follows at once,
/// and to have a thread wake and sleep for each run costs short ones more than it brings (of 0.4 ms, on two CPUs: a
/// sixth of what two contexts do).
constexpr std::chrono::milliseconds kPatience{1};

/// EZ_RKNN_NPU_THREADS: the most threads of a run; unset or 0: the machine decides.
int threads_wished() {
  const char* text = std::getenv("EZ_RKNN_NPU_THREADS");
  if (!text || !*text) return 0;
  int n = -1;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), n);
  if (error != std::errc() || *end != '\0' || n < 0 || n > kMostThreads)
    throw InvalidArgument("EZ_RKNN_NPU_THREADS is \"" + std::string(text) + "\"; a number from 0 (automatic) to " +
                          std::to_string(kMostThreads) + " is accepted");
  return n;
}

}  // namespace

Cores& Cores::instance() {
  // Never destroyed: at process exit another thread may still be inside a run.
  static auto* cores = new Cores(threads_wished());
  return *cores;
}

Cores::Cores(int threads, int cpus)
    : threads_(threads ? threads : std::min(cpus, kMostThreads)), all_threads_(std::max(threads_, cpus)) {
  at_work_.reserve(kMost), idle_.reserve(kMost);  // to end a run must not fail
}
Cores::~Cores() = default;

Cores::Lease::Lease(Cores& owner, unsigned cores, std::unique_ptr<Team> team)
    : owner_(&owner), cores_(cores), team_(std::move(team)) {}
Cores::Lease::Lease(Lease&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), cores_(other.cores_), team_(std::move(other.team_)) {}
Cores::Lease::~Lease() {
  if (owner_) owner_->release(cores_, std::move(team_));
}

void Cores::grant() {
  unsigned reserved = 0;  // what those further ahead in the queue are waiting for
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Waiter& w = **it;
    const unsigned idle = ~(busy_ | reserved);
    if (w.mask) w.granted = (w.mask & idle) == w.mask ? w.mask : 0;
    else w.granted = w.any & idle & (~(w.any & idle) + 1);  // the lowest
    if (!w.granted) {
      reserved |= w.mask;
      ++it;
      continue;
    }
    busy_ |= w.granted;
    it = waiting_.erase(it);
    w.wake.notify_one();
  }
}

std::unique_ptr<Team> Cores::take_team() {
  if (idle_.empty()) return std::make_unique<Team>(threads_);
  auto team = std::move(idle_.back());
  idle_.pop_back();
  return team;
}

/// Shares the threads out anew: earlier runs give some of theirs to one that begins, and take them back after its end.
void Cores::divide(std::chrono::nanoseconds patience) {
  const int runs = static_cast<int>(at_work_.size());
  for (int i = 0; i < runs; ++i)
    at_work_[static_cast<std::size_t>(i)]->limit(all_threads_ * (i + 1) / runs - all_threads_ * i / runs, patience);
}

Cores::Lease Cores::acquire(unsigned mask, int count) {
  const unsigned all = (1u << std::clamp(count, 1, kMost)) - 1;
  std::unique_lock lock(mutex_);
  Waiter waiter{.mask = mask & all, .any = all};
  waiting_.push_back(&waiter);
  grant();
  waiter.wake.wait(lock, [&] { return waiter.granted != 0; });
  try {
    auto team = take_team();
    at_work_.push_back(team.get());
    divide({});
    return Lease(*this, waiter.granted, std::move(team));
  } catch (...) {  // the system refuses a thread: give the cores back
    lock.unlock();
    release(waiter.granted, nullptr);
    throw;
  }
}

void Cores::release(unsigned cores, std::unique_ptr<Team> team) {
  std::lock_guard lock(mutex_);
  busy_ &= ~cores;
  if (team) {
    std::erase(at_work_, team.get());
    divide(kPatience);
    idle_.push_back(std::move(team));
  }
  grant();
}

}  // namespace ez_rknn::npu
