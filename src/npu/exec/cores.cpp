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

/// EZ_RKNN_NPU_THREADS: threads of every run; unset or 0: the machine decides.
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

Cores::Cores(int threads)
    : shared_(threads == 0), threads_(threads ? threads : std::min(cpu::available_cpus(), kMostThreads)) {}
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
  const int size = shared_ ? std::max(1, threads_ / runs_) : threads_;
  const auto it = std::find_if(idle_.begin(), idle_.end(), [&](const auto& t) { return t->size() == size; });
  if (it == idle_.end()) return std::make_unique<Team>(size);
  auto team = std::move(*it);
  idle_.erase(it);
  return team;
}

Cores::Lease Cores::acquire(unsigned mask, int count) {
  const unsigned all = (1u << std::clamp(count, 1, kMost)) - 1;
  std::unique_lock lock(mutex_);
  Waiter waiter{.mask = mask & all, .any = all};
  waiting_.push_back(&waiter);
  grant();
  waiter.wake.wait(lock, [&] { return waiter.granted != 0; });
  ++runs_;
  try {
    return Lease(*this, waiter.granted, take_team());
  } catch (...) {  // the system refuses a thread: give the cores back
    lock.unlock();
    release(waiter.granted, nullptr);
    throw;
  }
}

void Cores::release(unsigned cores, std::unique_ptr<Team> team) {
  std::lock_guard lock(mutex_);
  busy_ &= ~cores;
  --runs_;
  if (team) idle_.push_back(std::move(team));
  grant();
}

}  // namespace ez_rknn::npu
