/// The table of options: name, what is accepted (for messages and documentation), and how a value is read.
#include "ez_rknn/options.hpp"

#include <algorithm>
#include <array>
#include <climits>

#include "ez_rknn/error.hpp"
#include "session/option_values.hpp"
#include "session/worker_thread.hpp"

namespace ez_rknn {
namespace {

constexpr int kCores = 3;

/// What has been read so far, with what only matters while reading.
struct Reading {
  SessionOptions options;
  bool has_schedule = false, has_tp_mode = false;
};
using Read = bool (*)(const OptionValue&, Reading&);  ///< false: not accepted
struct Row {
  std::string_view name, accepted;
  Read read;
};

template <class T>
struct Word {
  const char* text;
  T value;
};
/// One of a few words, in any letter case.
template <class T, std::size_t N>
bool read_word(const OptionValue& value, const Word<T> (&words)[N], T& to) {
  const auto text = as_text(value);
  if (!text) return false;
  const std::string given = lower(trimmed(*text));
  for (const auto& w : words)
    if (given == w.text) return to = w.value, true;
  return false;
}
template <class T>
bool read_positive(const OptionValue& value, T& to) {
  const auto n = as_integer(value);
  if (!n || *n < 1 || *n > INT_MAX) return false;
  to = T(static_cast<int>(*n));
  return true;
}
bool read_bool(const OptionValue& value, bool& to) {
  const auto b = as_bool(value);
  if (b) to = *b;
  return b.has_value();
}

bool read_layout(const OptionValue& v, Reading& r) {
  static constexpr Word<Layout> kWords[] = {{"nchw", Layout::nchw},
                                            {"original", Layout::nchw},
                                            {"nchw_software", Layout::nchw_software},
                                            {"original_software", Layout::nchw_software},
                                            {"nhwc", Layout::nhwc},
                                            {"any", Layout::any}};
  return read_word(v, kWords, r.options.layout);
}
bool read_zero_copy_layout(const OptionValue& v, Reading& r) {
  static constexpr Word<ZeroCopyLayout> kWords[] = {{"nhwc", ZeroCopyLayout::nhwc}, {"native", ZeroCopyLayout::native}};
  return read_word(v, kWords, r.options.zero_copy_layout);
}
bool read_output_dtype(const OptionValue& v, Reading& r) {
  static constexpr Word<OutputType> kWords[] = {
      {"float32", OutputType::float32}, {"float", OutputType::float32}, {"native", OutputType::native}};
  return read_word(v, kWords, r.options.output_type);
}
bool read_runtime(const OptionValue& v, Reading& r) {
  const auto text = as_text(v);
  if (!text || text->empty()) return false;
  r.options.runtime = lower(*text) == "auto" ? "" : *text;
  return true;
}
bool read_schedule(const OptionValue& v, Reading& r) {
  r.has_schedule = true;
  if (const auto text = as_text(v); text && lower(trimmed(*text)) == "balanced") return r.options.balanced = true;
  const auto cores = as_integers(v);
  if (!cores || cores->empty()) return false;
  r.options.schedule.clear();
  for (std::int64_t core : *cores) {
    if (core < 0 || core >= kCores) return false;
    r.options.schedule.push_back(static_cast<int>(core));
  }
  return true;
}
bool read_tp_mode(const OptionValue& v, Reading& r) {
  r.has_tp_mode = true;
  const auto text = as_text(v);
  if (!text) return false;
  const std::string given = lower(trimmed(*text));
  if (given == "auto") return r.options.core_mask = 0, true;
  if (given == "all") return r.options.core_mask = 0xffff, true;
  if (given.find_first_not_of("0123456789, ") != given.npos || given.find(',') == 0 || given.ends_with(','))
    return false;
  const auto cores = as_integers(v);
  if (!cores || cores->empty()) return false;
  std::uint32_t mask = 0;
  for (std::int64_t core : *cores) {
    if (core < 0 || core >= kCores || (mask & 1u << core)) return false;
    mask |= 1u << core;
  }
  r.options.core_mask = mask;
  return true;
}
bool read_priority(const OptionValue& v, Reading& r) {
  static constexpr Word<Priority> kWords[] = {
      {"high", Priority::high}, {"medium", Priority::medium}, {"low", Priority::low}};
  return read_word(v, kWords, r.options.priority);
}
bool read_worker_cpus(const OptionValue& v, Reading& r) {
  const auto cpus = as_integers(v);
  if (!cpus || cpus->empty()) return false;
  r.options.worker_cpus.clear();
  for (std::int64_t n : *cpus) {
    if (!may_run_on(n)) return false;
    r.options.worker_cpus.push_back(static_cast<int>(n));
  }
  return true;
}
bool read_custom_ops(const OptionValue& v, Reading& r) {
  const auto paths = as_texts(v);
  if (!paths) return false;
  auto& all = r.options.custom_op_paths;
  all.insert(all.end(), paths->begin(), paths->end());
  return true;
}
bool read_default_ops(const OptionValue& v, Reading& r) {
  bool on = false;
  if (!read_bool(v, on)) return false;
  r.options.load_custom_ops_from_default_path |= on;
  return true;
}

/// Options of the other NPU generation: one dict may hold both families. Their values are checked and not used.
bool check_text(const OptionValue& v, Reading&) { return as_text(v).has_value(); }
bool check_device(const OptionValue& v, Reading&) { return as_text(v) || as_integer(v); }
template <std::int64_t Low, std::int64_t High>
bool check_range(const OptionValue& v, Reading&) {
  const auto n = as_integer(v);
  return n && *n >= Low && *n <= High;
}
bool check_core_mask(const OptionValue& v, Reading& r) {
  const auto text = as_text(v);
  const std::string given = text ? lower(trimmed(*text)) : "";
  return given == "auto" || given == "all" || check_range<0, UINT32_MAX>(v, r);
}

constexpr std::string_view kCount = "an integer from 1", kSwitch = "a boolean (True, False, 1, 0, on, off, yes, no)";
constexpr std::string_view kPaths = "a path or a list of paths";

const auto& table() {
  static constexpr std::array kTable = {
      Row{"layout", "nchw, original, nchw_software, original_software, nhwc, any", read_layout},
      Row{"zero_copy_layout", "nhwc, native", read_zero_copy_layout},
      Row{"output_dtype", "float32, native", read_output_dtype},
      Row{"runtime", "auto, npu, software, or the path of a librknnrt", read_runtime},
      Row{"max_queue_size", kCount,
          [](const OptionValue& v, Reading& r) { return read_positive(v, r.options.max_queue_size); }},
      Row{"threads_per_core", "an integer from 1 to 64",
          [](const OptionValue& v, Reading& r) {
            return read_positive(v, r.options.threads_per_core) && r.options.threads_per_core <= 64;
          }},
      Row{"submit_timeout_ms", kCount,
          [](const OptionValue& v, Reading& r) { return read_positive(v, r.options.submit_timeout); }},
      Row{"close_timeout_ms", kCount,
          [](const OptionValue& v, Reading& r) { return read_positive(v, r.options.close_timeout); }},
      Row{"max_pending_callbacks", kCount,
          [](const OptionValue& v, Reading& r) { return read_positive(v, r.options.max_pending_callbacks); }},
      Row{"sequential_callbacks", kSwitch,
          [](const OptionValue& v, Reading& r) { return read_bool(v, r.options.sequential_callbacks); }},
      Row{"enable_pacing", kSwitch,
          [](const OptionValue& v, Reading& r) { return read_bool(v, r.options.enable_pacing); }},
      Row{"npu_priority", "high, medium, low", read_priority},
      Row{"worker_cpus", "numbers of CPUs this process may use: an integer, a list, or text such as \"4,5,6,7\"",
          read_worker_cpus},
      Row{"collect_perf", kSwitch,
          [](const OptionValue& v, Reading& r) { return read_bool(v, r.options.collect_perf); }},
      Row{"disable_dup_context", kSwitch,
          [](const OptionValue& v, Reading& r) { return read_bool(v, r.options.disable_dup_context); }},
      Row{"schedule", "\"balanced\", or core numbers from 0 to 2: an integer, a list, or text such as \"0,1,2\"",
          read_schedule},
      Row{"tp_mode", "auto, all, or cores such as \"0\", \"0,1\", \"0,1,2\"", read_tp_mode},
      Row{"custom_op_path", kPaths, read_custom_ops},
      Row{"custom_op_paths", kPaths, read_custom_ops},
      Row{"custom_op_default_path", kSwitch, read_default_ops},
      Row{"load_custom_ops_from_default_path", kSwitch, read_default_ops},
      Row{"runtime_library", "a path (RKNPU3 only, not used)", check_text},
      Row{"device_id", "text or an integer (RKNPU3 only, not used)", check_device},
      Row{"weight_path", "a path (RKNPU3 only, not used)", check_text},
      Row{"priority", "a 32-bit integer (RKNPU3 only, not used)", check_range<INT32_MIN, INT32_MAX>},
      Row{"run_timeout_ms", "an integer from 0 to 4294967295 (RKNPU3 only, not used)", check_range<0, UINT32_MAX>},
      Row{"run_core_mask", "auto, all, or a 32-bit mask (RKNPU3 only, not used)", check_core_mask},
  };
  return kTable;
}

std::string all_names() {
  std::string s;
  for (const Row& row : table()) s += (s.empty() ? "" : ", ") + std::string(row.name);
  return s;
}

}  // namespace

SessionOptions parse_options(const std::vector<NamedOption>& options) {
  Reading reading;
  for (const NamedOption& o : options) {
    const std::string name = lower(trimmed(o.name));
    const auto row = std::find_if(table().begin(), table().end(), [&](const Row& r) { return r.name == name; });
    if (row == table().end())
      throw InvalidArgument("unknown provider option " + shown(o.name) + "; accepted: " + all_names());
    if (!row->read(o.value, reading))
      throw InvalidArgument("provider option " + name + " = " + shown(o.value) +
                            "; accepted: " + std::string(row->accepted));
  }
  if (reading.has_schedule && reading.has_tp_mode)
    throw InvalidArgument(
        "provider options schedule and tp_mode exclude each other: tasks are either spread over cores or use several "
        "at once");
  return std::move(reading.options);
}

std::vector<OptionDescription> known_options() {
  std::vector<OptionDescription> all;
  for (const Row& row : table()) all.push_back({row.name, row.accepted});
  return all;
}

void validate(const SessionOptions& o) {
  const auto require = [](bool good, const char* what, std::int64_t value, const char* accepted) {
    if (!good) throw InvalidArgument(std::string(what) + " = " + std::to_string(value) + "; accepted: " + accepted);
  };
  require(o.max_queue_size >= 1, "max_queue_size", o.max_queue_size, "an integer from 1");
  require(o.threads_per_core >= 1 && o.threads_per_core <= 64, "threads_per_core", o.threads_per_core, "1 to 64");
  require(o.submit_timeout.count() >= 1, "submit_timeout", o.submit_timeout.count(), "1 ms or more");
  require(o.close_timeout.count() >= 1, "close_timeout", o.close_timeout.count(), "1 ms or more");
  require(o.max_pending_callbacks >= 1, "max_pending_callbacks", o.max_pending_callbacks, "an integer from 1");
  for (int core : o.schedule) require(core >= 0 && core < kCores, "schedule: core", core, "0 to 2");
  require(o.core_mask <= 7 || o.core_mask == 0xffff, "core_mask", o.core_mask, "0 to 7, or 65535");
  if ((o.balanced || !o.schedule.empty()) && o.core_mask != 0)
    throw InvalidArgument("schedule and core_mask (tp_mode) exclude each other");
  if (o.balanced && !o.schedule.empty()) throw InvalidArgument("schedule is either balanced or a list of cores");
}

}  // namespace ez_rknn
