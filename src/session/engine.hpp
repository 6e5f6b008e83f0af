#pragma once
/// What is behind a Session: the model's facts, its workers, its deliveries. Owned by shared_ptr, because a callback
/// may drop the last reference.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ez_rknn/binding.hpp"
#include "ez_rknn/session.hpp"
#include "session/buffer_pool.hpp"
#include "session/delivery.hpp"
#include "session/model_info.hpp"
#include "session/model_source.hpp"
#include "session/perf_detail.hpp"
#include "session/pipeline.hpp"
#include "session/scheduler.hpp"

namespace ez_rknn {

struct BoundCall;
using BoundCallback = std::function<void(std::vector<Value>, std::exception_ptr)>;

class Engine : public std::enable_shared_from_this<Engine> {
 public:
  struct Setup {
    SessionOptions options;
    std::shared_ptr<Engine> weights_from;
    /// Wraps a batch of callbacks; see Delivery::Hooks.
    std::function<void(const std::function<void()>&)> around_callbacks;
  };
  /// @throws what Session's constructor throws
  static std::shared_ptr<Engine> load(const ModelSource& source, Setup setup);
  ~Engine();

  const ModelInfo& model() const { return model_; }
  const SessionOptions& options() const { return options_; }
  const RuntimeLibrary& library() const { return *library_; }
  /// What loading could not do as asked.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// `results` has one element per output asked for.
  void run(std::span<const InputView> inputs, const RunOptions& options, std::span<Tensor> results);
  std::vector<Tensor> run_batch(std::span<const InputView> inputs, const RunOptions& options);
  void run_async(std::span<const InputView> inputs, Callback done, const RunOptions& options);
  Future submit(std::span<const InputView> inputs, const RunOptions& options);
  std::optional<std::vector<Tensor>> run_pipeline(std::span<const InputView> inputs, int depth, bool reset);
  void run(BoundCall& call);
  void run_async(std::shared_ptr<BoundCall> call, BoundCallback done);

  void close();
  Statistics statistics() const;
  std::string perf_detail() const;
  /// The first worker's, for its weights and for memory in it. @throws Closed
  std::shared_ptr<Context> open_context() const;
  bool on_own_thread() const { return delivery_.on_callback_thread(); }
  /// Lets go of an engine: closes it, in the background when the caller is its own callback thread. A forked child
  /// leaves it as it is, because its threads are the parent's.
  static void retire(std::shared_ptr<Engine> engine);
  std::size_t result_count(const RunOptions& options) const {
    return options.outputs.empty() ? model_.outputs.size() : options.outputs.size();
  }

 private:
  explicit Engine(Setup& setup);
  void fill(Request& request, std::span<const InputView> inputs, const RunOptions& options,
            std::size_t shape_set) const;
  std::vector<Tensor> batch_results(const RunOptions& options, std::size_t samples);
  std::unique_ptr<CallbackRequest> spare_request();
  void recycle(CallbackRequest* request);
  OutputType output_type(const RunOptions& o) const { return o.output_type.value_or(options_.output_type); }

  const SessionOptions options_;
  const unsigned born_in_;  ///< fork generation
  std::vector<std::string> warnings_;
  std::shared_ptr<const RuntimeLibrary> library_;
  ModelInfo model_;
  std::shared_ptr<PerfDetail> perf_detail_;  ///< null without collect_perf
  std::shared_ptr<BufferPool> buffers_;
  Delivery delivery_;
  std::unique_ptr<Scheduler> scheduler_;
  Pipeline pipeline_;

  std::mutex close_mutex_;
  mutable std::mutex mutex_;                             ///< guards what follows
  std::shared_ptr<Context> first_context_;               ///< null once closed
  std::vector<std::unique_ptr<CallbackRequest>> spare_;  ///< for reuse
};

/// Closes every engine of the process and waits for it, those being retired included. For a language's exit handler.
void close_all_engines();

}  // namespace ez_rknn
