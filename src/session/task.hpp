#pragma once
/// Requests that outlive the call that made them.
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <memory_resource>
#include <vector>

#include "session/buffer_pool.hpp"
#include "session/request.hpp"

namespace ez_rknn {

/// How a task ended: results, or an error.
struct Outcome {
  std::vector<Tensor> results;
  std::exception_ptr error;
};

/// Owns what it needs, and keeps itself alive from acceptance until finished(). Its outcome is given once, by whoever
/// claims it first; so a task whose time is up can be answered while a runtime is still busy with its memory.
class Task : public Request, public std::enable_shared_from_this<Task> {
 public:
  /// Copies the call.
  void hold(std::span<const InputView> in, std::span<const int> out, std::size_t result_count, BufferPool& buffers);
  /// Borrows the inputs: for callers that stay until the task is done, and cannot be answered before it is.
  void borrow(std::span<const InputView> in, std::span<const int> out, std::size_t result_count);
  /// A bound run, whose values stay alive with the task.
  void hold(std::shared_ptr<BoundCall> call);
  std::vector<Tensor>& own_results() { return own_results_; }

  void accepted() override { self_ = shared_from_this(); }
  void finished() noexcept override;
  /// Gives the outcome unless it has been given.
  void answer(Outcome outcome) noexcept;
  /// May be answered while a runtime is busy with it: nobody else's memory is in use.
  bool owns_its_memory() const { return !borrowed_; }

  std::weak_ptr<Engine> engine;
  bool timed = false;      ///< the scheduler watches its deadline; otherwise whoever waits does
  bool withdrawn = false;  ///< by its owner, who needs no answer; set before finished()

  // The scheduler's own notes, guarded by its mutex.
  using Timers = std::multimap<Clock::time_point, Task*>;
  std::optional<Timers::iterator> timer;
  bool given_up = false;  ///< answered while executing

 protected:
  /// Called once, no lock held.
  virtual void settle(Outcome outcome) noexcept = 0;

 private:
  std::shared_ptr<Task> self_;
  std::atomic<bool> answered_{false};
  bool borrowed_ = false;
  // What is small lies in the task itself: it is made on one thread and let go of on another, which makes memory of the
  // heap dear.
  std::array<std::byte, 512> small_;
  std::pmr::monotonic_buffer_resource memory_{small_.data(), small_.size()};
  std::pmr::vector<InputView> own_inputs_{&memory_};
  std::pmr::vector<Buffer> input_data_{&memory_};
  std::pmr::vector<int> own_outputs_{&memory_};
  std::vector<Tensor> own_results_;
  std::shared_ptr<BoundCall> own_call_;
};

}  // namespace ez_rknn
