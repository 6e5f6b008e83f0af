#pragma once
/// Runs requests on one context: shapes, inputs, run, outputs. One thread at a time.
#include <memory>
#include <vector>

#include "session/bound_executor.hpp"
#include "session/buffer_pool.hpp"
#include "session/context.hpp"
#include "session/context_source.hpp"
#include "session/model_info.hpp"
#include "session/perf_detail.hpp"
#include "session/phases.hpp"
#include "session/request.hpp"

namespace ez_rknn {

class Executor {
 public:
  /// `model` is borrowed and outlives the executor.
  /// @param more  makes the context for bound runs, when the first comes
  Executor(std::shared_ptr<Context> context, const ModelInfo& model, std::shared_ptr<BufferPool> buffers,
           std::shared_ptr<ContextSource> more);

  /// Fills the request's results or its error; never throws. A phase that was not reached ended with the last.
  Phases execute(Request& request) noexcept;

  const std::shared_ptr<Context>& context() const { return context_; }
  /// Shown in the lines of ZTU_EZRKNN_ASYNC_PRINT_PERF.
  void set_core(int core) { core_ = core; }
  /// Where the times of the layers of every run go.
  void set_perf_detail(std::shared_ptr<PerfDetail> detail) { perf_detail_ = std::move(detail); }

 private:
  void run(Request& request, Phases& phases);
  void run_bound(BoundCall& call, Phases& phases);
  void select_shapes(std::size_t set);
  void set_inputs(std::span<const InputView> inputs);
  void get_outputs(Request& request);
  Buffer& scratch(std::vector<Buffer>& buffers, std::size_t i, std::size_t bytes);

  std::shared_ptr<Context> context_;
  const ModelInfo& model_;
  std::shared_ptr<BufferPool> buffers_;
  std::shared_ptr<ContextSource> more_;
  std::unique_ptr<BoundExecutor> bound_;
  int core_ = 0;
  std::shared_ptr<PerfDetail> perf_detail_;  ///< null: not measured
  std::size_t shape_set_ = 0;
  std::vector<rknn_tensor_attr> output_attrs_;  ///< of the current shapes
  std::vector<rknn_input> inputs_;              ///< reused, so that a run allocates nothing but its outputs
  std::vector<rknn_output> outputs_;
  std::vector<Buffer> input_scratch_;   ///< converted or reordered inputs
  std::vector<Buffer> output_scratch_;  ///< outputs the caller did not ask for
};

}  // namespace ez_rknn
