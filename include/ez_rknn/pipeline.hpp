#pragma once
/// A window of tasks in flight over a session: one result out for each input in, once it is full.
///
///   ez_rknn::Pipeline pipeline(session, 3);
///   while (grab(frame)) if (auto outputs = pipeline.push({&frame, 1})) show(*outputs);
///   for (auto& outputs : pipeline.flush()) show(outputs);
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ez_rknn/session.hpp"

namespace ez_rknn {

/// Any number of pipelines may share a session; each keeps its own order. Threads that share a pipeline take turns, and
/// each gets the result its own push moved out.
class Pipeline {
 public:
  using Outputs = std::vector<Tensor>;
  /// @param depth  tasks in flight, 1 or more. @throws InvalidArgument
  explicit Pipeline(const Session& session, int depth = 3, const RunOptions& options = {});
  Pipeline(std::weak_ptr<Engine> engine, int depth, const RunOptions& options);
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  /// As clear().
  ~Pipeline();

  /// Queues a task (inputs are copied); once more than `depth` are in flight, waits for the oldest and returns its
  /// outputs. @throws what Session::submit throws (nothing has changed then), or the error of the task that comes out,
  /// which is gone then
  std::optional<Outputs> push(std::span<const InputView> inputs);
  /// As push. `restart`, or another depth, forgets the tasks in flight when this one has been accepted: they run, and
  /// their outcomes are dropped.
  std::optional<Outputs> push(std::span<const InputView> inputs, int depth, bool restart);
  /// Waits for the oldest; nothing when the pipeline is empty. @throws its error
  std::optional<Outputs> pop();
  /// Waits for all in flight; in order. @throws the first error, when a task failed: that task is gone, the others stay
  std::vector<Outputs> flush();
  /// Withdraws the tasks that have not begun and drops the outcomes of the others.
  void clear();

  int depth() const;
  std::size_t size() const;  ///< tasks in flight

 private:
  struct Frame;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ez_rknn
