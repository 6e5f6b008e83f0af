#pragma once
/// Running a .rknn model. A session is safe to use from any number of threads at once.
///
///   ez_rknn::Session session("model.rknn");
///   ez_rknn::InputView in{pixels, ez_rknn::ElementType::uint8, {1, 3, 640, 640}};
///   std::vector<ez_rknn::Tensor> out = session.run({&in, 1});
///
/// Every task gets a ticket 0, 1, 2, ... when it is accepted. With a schedule, task k runs on core
/// schedule[k % schedule.size()]. Submissions wait for room up to SessionOptions::submit_timeout.
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ez_rknn/cancellation.hpp"
#include "ez_rknn/error.hpp"
#include "ez_rknn/future.hpp"
#include "ez_rknn/options.hpp"
#include "ez_rknn/statistics.hpp"
#include "ez_rknn/tensor.hpp"

namespace ez_rknn {

class Engine;  // not part of the interface
struct SessionAccess;
class IoBinding;
class Value;

/// How one call differs from the session's settings.
struct RunOptions {
  std::span<const int> outputs;           ///< indexes of the outputs wanted, in this order; empty: all. May repeat.
  std::optional<OutputType> output_type;  ///< overrides SessionOptions::output_type
  /// How long the call may take altogether: waiting for room, in the queue, on the device. When it is over the outcome
  /// is the error Timeout: a task that has not begun is withdrawn; one that is being executed goes on without anybody
  /// waiting, keeps its core until the runtime returns, and its result is dropped. Above 0.
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<Cancellation> cancellation;  ///< ends the call from another thread
};

/// Outputs of a task, or what went wrong. Runs on a thread of the session's, never two at a time. It may use the
/// session (run, run_async, close) and may drop the last reference to it. An exception it throws is logged.
using Callback = std::function<void(std::vector<Tensor> outputs, std::exception_ptr error)>;

/// What a submission does when there is no room for its task.
enum class IfFull : std::uint8_t {
  wait,  ///< until there is some, for SessionOptions::submit_timeout at most
  park,  ///< never: the task stands in line on its own
};

/// What one context of the model takes, in bytes, as the runtime says once the model is loaded; 0 where it says
/// nothing.
struct MemoryInfo {
  std::uint64_t weights = 0;
  std::uint64_t internal = 0;   ///< activations between layers
  std::uint64_t allocated = 0;  ///< of the device's memory, all together
  std::uint64_t sram = 0, free_sram = 0;
};

class Session {
 public:
  /// Load from a file or from memory (read during construction only).
  /// @param weights_from  a session whose weights this model shares (exported without its own); kept alive as needed
  /// @throws NoSuchFile, ModelError, Unsupported, RuntimeMissing, InvalidArgument, DeviceError
  explicit Session(const std::string& path, const SessionOptions& options = {}, const Session* weights_from = nullptr);
  explicit Session(std::span<const std::byte> model, const SessionOptions& options = {},
                   const Session* weights_from = nullptr);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  /// Closes as close() does; what that does not wait for is finished in the background.
  ~Session();

  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;
  /// The device-side view chosen by zero_copy_layout.
  const std::vector<TensorInfo>& native_inputs() const;
  const std::vector<TensorInfo>& native_outputs() const;
  /// Text embedded by the converter; empty when there is none.
  const std::string& custom_string() const;
  /// "2.3.2 (...)", as the runtime answers; the driver's likewise.
  const std::string& runtime_version() const;
  const std::string& driver_version() const;
  const MemoryInfo& memory() const;
  /// The runtime's table of layers and their times in the last run that has ended; "" before the first.
  /// @throws InvalidArgument when the session was made without SessionOptions::collect_perf
  std::string perf_detail() const;
  /// Path of the librknnrt in use, and whether it is the software NPU.
  const std::string& runtime_path() const;
  bool is_software() const;

  /// Run and wait. Inputs are borrowed for the call, one per model input in model order. On an idle core the task runs
  /// on the calling thread. May be called in a callback.
  /// @throws InvalidArgument (number, shape or type of the inputs), QueueFull, Closed, DeviceError, Timeout, Cancelled
  std::vector<Tensor> run(std::span<const InputView> inputs, const RunOptions& options = {});

  /// Run every sample of axis 0 as a task of its own, over all cores, and wait for all. The model's own axis 0 is 1.
  /// Outputs are concatenated along axis 0. @throws as run(); the message names the sample that failed
  std::vector<Tensor> run_batch(std::span<const InputView> inputs, const RunOptions& options = {});

  /// Queue a task and return; inputs are copied. `done` is called exactly once if this returns, never if it throws.
  void run_async(std::span<const InputView> inputs, Callback done, const RunOptions& options = {});

  /// Queue a task; inputs are copied. Waits only for room.
  Future submit(std::span<const InputView> inputs, const RunOptions& options = {});

  /// As submit(), for event loops: `done` gets the outcome exactly once, on the session's completion thread, in order
  /// of completion. A parked task stands in line with those that wait for room; its inputs are copied at once, and it
  /// may end in QueueFull or Closed too. @throws InvalidArgument, Closed, Cancelled (waiting: QueueFull, Timeout):
  /// `done` is not called
  TaskHandle post(std::span<const InputView> inputs, Callback done, const RunOptions& options = {},
                  IfFull if_full = IfFull::park);

  /// Keep `depth` tasks in flight: queues this one and returns the oldest once more than `depth` are under way, else
  /// nothing. `reset` or another depth forgets those under way (they still run).
  std::optional<std::vector<Tensor>> run_pipeline(std::span<const InputView> inputs, int depth = 3, bool reset = false);

  /// Run what a binding of this session says, and wait; see ez_rknn/binding.hpp. Thread-safe, also with one binding:
  /// every run takes the binding as it is when it is called. Of the options timeout and cancellation count: which
  /// outputs there are, and of which type, the binding says. When the time is up, a task that is being executed still
  /// uses the values bound; memory of the caller's own (Value::borrow) must live until the runtime has returned.
  /// @throws InvalidArgument (an input without a value; another session's binding), QueueFull, Closed, DeviceError,
  ///         Timeout, Cancelled
  void run(IoBinding& binding, const RunOptions& options = {});
  /// Queue a bound run and return; the values bound must live, and stay as they are, until `done` is called with the
  /// outputs in the order of binding.
  void run_async(IoBinding& binding, std::function<void(std::vector<Value>, std::exception_ptr)> done,
                 const RunOptions& options = {});

  /// Accept nothing more, and return true when everything accepted has been run and delivered. Again: no effect.
  ///
  /// A runtime may never return from a task. close() gives up once no task has ended for SessionOptions::close_timeout,
  /// or, with `limit`, when that has passed altogether (callbacks included), and returns false: tasks that have not
  /// begun have ended with Closed, those on the device with Timeout, except calls that lend the runtime their own
  /// memory (run and run_batch without a time limit), which return when the runtime does. The context of
  /// such a task cannot be destroyed; it is left to the runtime and freed should that return. Another close() waits
  /// again. In a callback of this session it returns false at once, and the rest is done in the background.
  /// @throws InvalidArgument for a limit below 0
  bool close(std::optional<std::chrono::nanoseconds> limit = {});

  /// `runs` inferences of zeros on every worker, each as soon as it is idle; no ticket is taken and nothing is counted.
  /// @throws InvalidArgument, DeviceError, Closed
  void warm_up(int runs = 1);

  Statistics stats() const;
  std::size_t workers() const;

  /// Records every task from now on: a Chrome trace (for Perfetto) named `prefix`_YYYY-MM-DD_hh-mm-ss.json. At most
  /// 32768 tasks and as many callbacks are kept; the rest is counted. @throws InvalidArgument when a recording is under
  /// way, NoSuchFile when the file cannot be created
  void start_profiling(const std::string& prefix);
  /// Writes the file and returns its name; "" when nothing was recorded. close() writes it too.
  std::string end_profiling();
  /// When the last recording began, on the steady clock (CLOCK_MONOTONIC); 0 when there was none.
  std::int64_t profiling_start_ns() const;

 private:
  friend SessionAccess;
  std::shared_ptr<Engine> engine_;
};

}  // namespace ez_rknn
