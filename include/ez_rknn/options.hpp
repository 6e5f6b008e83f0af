#pragma once
/// Options of a session: a plain struct, and one table that sets its fields by name from loosely typed values (Python
/// keyword arguments, configuration files). The table is the only place that parses; it is strict about values and
/// indifferent to letter case.
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ez_rknn {

/// Dimension order of 4-D inputs, as the caller gives them. Inputs of another rank are never reordered.
enum class Layout : std::uint8_t {
  nchw,           ///< "nchw", "original": the runtime reorders
  nchw_software,  ///< "nchw_software", "original_software": the engine reorders, on the thread that runs the task
  nhwc,           ///< "nhwc": nothing is reordered
  any,            ///< "any": the order the model itself reports
};
/// Which device-side view get_native_inputs/outputs and IO binding use.
enum class ZeroCopyLayout : std::uint8_t { nhwc, native };
enum class OutputType : std::uint8_t {
  float32,  ///< outputs are converted to float32
  native,   ///< outputs keep the model's own type; scale and zero point are in TensorInfo
};

/// Whose task the NPU takes first when several processes or sessions have one.
enum class Priority : std::uint8_t { high = 0, medium = 1, low = 2 };

struct SessionOptions {
  Layout layout = Layout::nchw;
  ZeroCopyLayout zero_copy_layout = ZeroCopyLayout::nhwc;
  OutputType output_type = OutputType::float32;

  /// "" decides by itself: environment EZ_RKNN_RUNTIME or ZTU_RKNPU2_RUNTIME_LIBRARY, else the vendor's library where
  /// an NPU is present, else the software NPU. "npu", "software" or the path of a librknnrt decide explicitly.
  std::string runtime;

  int max_queue_size = 3;  ///< tasks waiting for a worker; those being executed do not count
  int threads_per_core = 1;
  std::chrono::milliseconds submit_timeout{10000};  ///< how long a submission may wait for room
  /// How long closing waits without any task ending before it takes the runtime for hung; see Session::close.
  std::chrono::milliseconds close_timeout{60000};
  int max_pending_callbacks = 8;     ///< finished run_async tasks whose callback has not begun
  bool sequential_callbacks = true;  ///< callbacks in the order of submission, else of completion
  bool enable_pacing = false;        ///< spread submissions evenly over the measured run time

  /// Task k runs on core schedule[k % size]. Empty: tasks have no core of their own, contexts use `core_mask`.
  std::vector<int> schedule;
  /// schedule="balanced": every core the device has, and the next task goes to the first idle one.
  bool balanced = false;
  /// tp_mode: which cores one inference may use together. 0 automatic, 0xffff all, else one bit a core.
  std::uint32_t core_mask = 0;

  Priority priority = Priority::high;
  std::vector<int> worker_cpus;      ///< CPUs the worker threads may run on; empty: as the process
  bool collect_perf = false;         ///< the runtime measures every layer, for Session::perf_detail(); runs are slower
  bool disable_dup_context = false;  ///< rknn_init for every worker instead of rknn_dup_context
  std::vector<std::string> custom_op_paths;
  bool load_custom_ops_from_default_path = false;

  /// Receives what loading could not do as asked, a sentence at a time, on the thread that makes the session. Empty:
  /// the log.
  std::function<void(const std::string& text)> on_warning;
  /// Wraps the delivery of callbacks: called on the callback thread with a function that delivers those that are due,
  /// which it must call once. For what is dear to enter, such as an interpreter's lock. Empty: delivered as they are.
  std::function<void(const std::function<void()>& deliver)> around_callbacks;
  /// Wraps a wait for room in the queue: called on the caller's thread with a function that waits, which it must call
  /// once and whose exceptions it must let through. Not called where there is room. For what must not be held
  /// meanwhile, such as an interpreter's lock. Empty: waits as it is.
  std::function<void(const std::function<void()>& wait)> around_waiting;
};

/// A value in a caller's own type. `Other` is anything that is none of them; its text is for the error message.
struct OtherValue {
  std::string text;
};
using OptionScalar = std::variant<bool, std::int64_t, std::string, OtherValue>;
using OptionValue = std::variant<bool, std::int64_t, std::string, OtherValue, std::vector<OptionScalar>>;

struct NamedOption {
  std::string name;
  OptionValue value;
};

/// Options from names and values, for example {{"layout", "nhwc"}, {"schedule", "0,1,2"}}.
/// @throws InvalidArgument for an unknown name (lists all), a value that is not accepted (says what is), or options
/// that
///         exclude each other (schedule and tp_mode)
SessionOptions parse_options(const std::vector<NamedOption>& options);

/// One row of the table, for documentation and tests.
struct OptionDescription {
  std::string_view name;
  std::string_view accepted;
};
std::vector<OptionDescription> known_options();

/// Throws InvalidArgument when a field of the struct is out of range. Session does this by itself.
void validate(const SessionOptions& options);

}  // namespace ez_rknn
