#pragma once
/// What is behind a Session: the model's facts, its workers, its deliveries. Owned by shared_ptr, because a callback
/// may drop the last reference. Loading and closing: engine.cpp; calls: calls.cpp and batch.cpp.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ez_rknn/binding.hpp"
#include "ez_rknn/pipeline.hpp"
#include "ez_rknn/session.hpp"
#include "session/buffer_pool.hpp"
#include "session/delivery.hpp"
#include "session/future.hpp"
#include "session/model_info.hpp"
#include "session/model_source.hpp"
#include "session/perf_detail.hpp"
#include "session/scheduler.hpp"
#include "session/trace.hpp"

namespace ez_rknn {

struct BoundCall;
using BoundCallback = std::function<void(std::vector<Value>, std::exception_ptr)>;

class Engine : public std::enable_shared_from_this<Engine> {
 public:
  /// @throws what Session's constructor throws
  static std::shared_ptr<Engine> load(const ModelSource& source, const SessionOptions& options,
                                      const std::shared_ptr<Engine>& weights_from);
  ~Engine();

  const ModelInfo& model() const { return model_; }
  const SessionOptions& options() const { return options_; }
  const RuntimeLibrary& library() const { return *library_; }

  std::vector<Tensor> run(std::span<const InputView> inputs, const RunOptions& options);
  std::vector<Tensor> run_batch(std::span<const InputView> inputs, const RunOptions& options);
  void run_async(std::span<const InputView> inputs, Callback done, const RunOptions& options);
  Future submit(std::span<const InputView> inputs, const RunOptions& options);
  /// `done` is called on the completion thread. @param if_full  park: never blocks
  TaskHandle post(std::span<const InputView> inputs, Callback done, const RunOptions& options, IfFull if_full);
  std::optional<std::vector<Tensor>> run_pipeline(std::span<const InputView> inputs, int depth, bool reset) {
    return pipeline_->push(inputs, depth, reset);
  }
  void run(const std::shared_ptr<BoundCall>& call, const RunOptions& options);
  void run_async(const std::shared_ptr<BoundCall>& call, BoundCallback done, const RunOptions& options);
  void warm_up(int runs);

  enum class Answer { none, cancelled };
  /// Ends a task that has not begun; false when it has. With Answer::none its callback will not be called.
  bool withdraw(Task& task, Answer answer);
  bool running(const Task& task) const { return scheduler_->running(task); }
  void cancel(const Cancellation::State& group) { scheduler_->cancel(group); }

  /// Accept nothing more; does not wait.
  void begin_close();
  /// As Session::close.
  bool close(std::optional<std::chrono::nanoseconds> limit = {});
  std::string perf_detail() const;
  Statistics stats() const;
  std::size_t workers() const { return scheduler_->cores().size(); }
  void start_profiling(const std::string& prefix) { trace_.start(prefix, scheduler_->cores()); }
  std::string end_profiling() { return trace_.stop(); }
  std::int64_t profiling_start_ns() const { return trace_.start_ns(); }
  /// The first worker's, for its weights and for memory in it. @throws Closed
  std::shared_ptr<Context> open_context() const;
  bool on_own_thread() const { return callbacks_.on_callback_thread() || completions_.on_callback_thread(); }
  /// Lets go of an engine: closes it, and destroys it with its last reference. What close() does not wait for is left
  /// to a thread in the background.
  static void retire(std::shared_ptr<Engine> engine);
  std::size_t result_count(const RunOptions& options) const {
    return options.outputs.empty() ? model_.outputs.size() : options.outputs.size();
  }

 private:
  explicit Engine(SessionOptions options);
  /// The last reference is gone. A forked child leaves it as it is, because its threads are the parent's.
  static void dispose(Engine* engine) noexcept;
  bool close_within(std::optional<Clock::time_point> until, std::chrono::nanoseconds stall);
  std::size_t check(std::span<const InputView> inputs, const RunOptions& options) const;
  void fill(Request& request, const RunOptions& options, std::size_t shape_set);
  std::shared_ptr<FutureTask> future_task(std::span<const InputView> inputs, const RunOptions& options);
  TaskHandle launch(Delivery& to, std::span<const InputView> inputs, Callback done, const RunOptions& options,
                    IfFull if_full);
  std::vector<Tensor> wait_for(const std::shared_ptr<FutureTask>& task);
  std::vector<Tensor> batch_results(const RunOptions& options, std::size_t samples);
  OutputType output_type(const RunOptions& o) const { return o.output_type.value_or(options_.output_type); }

  const SessionOptions options_;
  const unsigned born_in_;  ///< fork generation
  std::shared_ptr<const RuntimeLibrary> library_;
  ModelInfo model_;
  std::shared_ptr<PerfDetail> perf_detail_;  ///< null without collect_perf
  std::shared_ptr<BufferPool> buffers_;
  Trace trace_;
  Delivery callbacks_;    ///< of run_async
  Delivery completions_;  ///< of post: no order, and not held up by a slow callback
  std::unique_ptr<Scheduler> scheduler_;
  std::optional<Pipeline> pipeline_;  ///< of run_pipeline

  std::atomic<bool> given_up_{false};  ///< a close() did not wait for its end
  std::mutex close_mutex_;
  mutable std::mutex mutex_;                ///< guards what follows
  std::shared_ptr<Context> first_context_;  ///< null once closed
};

/// How the layers behind a session reach its engine.
struct SessionAccess {
  static const std::shared_ptr<Engine>& engine(const Session& session) { return session.engine_; }
};

/// Closes every engine of the process and waits for it, those being retired included. For a language's exit handler.
void close_all_engines();

}  // namespace ez_rknn
