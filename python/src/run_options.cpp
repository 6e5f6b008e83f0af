#include "run_options.hpp"

#include <nanobind/stl/string.h>

#include <cmath>

#include "ez_rknn/error.hpp"
#include "gil.hpp"
#include "options.hpp"
#include "session/option_values.hpp"
#include "text.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {
namespace {

constexpr const char* kDispatchBatch = "ztu_modelrt_dispatch_batch";
constexpr const char* kOutputType = "output_dtype";
constexpr const char* kTimeout = "timeout_ms";

struct PyRunOptions {
  Cancellation cancellation;
  std::map<std::string, std::string> entries;
  std::string logid;
  int log_severity_level = -1;
  int log_verbosity_level = 0;
  bool only_execute_path_to_fetches = false;
};

/// The value of one key, or nothing.
nb::object entry(nb::handle options, const char* key) {
  if (nb::isinstance<nb::dict>(options)) return options.attr("get")(key);
  if (!nb::hasattr(options, "get_run_config_entry")) return nb::none();
  try {
    return options.attr("get_run_config_entry")(key);
  } catch (const nb::python_error&) {  // ONNX Runtime raises for a key that is not set
    return nb::none();
  }
}

[[noreturn]] void refuse(const char* key, const std::string& value, const char* accepted) {
  throw InvalidArgument(std::string("run option ") + key + " = " + value + "; accepted: " + accepted);
}

void read_dispatch_batch(const OptionValue& value, CallOptions& call) {
  const auto on = as_bool(value);
  if (!on) refuse(kDispatchBatch, shown(value), "a boolean");
  call.dispatch_batch = *on;
}
void read_output_type(const OptionValue& value, CallOptions& call) {
  call.output_type = parse_options({{kOutputType, value}}).output_type;
}
void read_timeout_ms(const OptionValue& value, CallOptions& call) {
  constexpr std::int64_t kMost = INT64_MAX / 1000000;
  const auto n = as_integer(value);
  if (!n || *n < 1) refuse(kTimeout, shown(value), "an integer from 1 (milliseconds)");
  call.timeout = std::chrono::milliseconds(std::min(*n, kMost));
}

using Read = void (*)(const OptionValue&, CallOptions&);
constexpr std::pair<const char*, Read> kEntries[] = {
    {kDispatchBatch, read_dispatch_batch}, {kOutputType, read_output_type}, {kTimeout, read_timeout_ms}};

/// An object of ONNX Runtime's answers "" for an entry that is not set.
bool is_blank(const OptionValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text && text->empty();
}

}  // namespace

void CallOptions::refuse_batch(const char* what) const {
  if (dispatch_batch)
    throw Unsupported(std::string(what) + " does not support " + kDispatchBatch +
                      "; accepted: run with arrays, or one call a sample");
}

std::chrono::nanoseconds seconds_of(nb::handle value) {
  constexpr const char* kAccepted = "; accepted: a number of seconds above 0, or None";
  const double s = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred()) {
    PyErr_Clear();
    throw InvalidType("timeout: " + type_of(value) + " given" + kAccepted);
  }
  if (!(s > 0)) throw InvalidArgument("timeout: " + repr_of(value) + " given" + kAccepted);
  constexpr double kMost = 9e9;  // what nanoseconds can hold; infinity too
  return std::chrono::nanoseconds(std::max(std::int64_t{1}, static_cast<std::int64_t>(std::min(s, kMost) * 1e9)));
}

CallOptions read_run_options(nb::handle options, nb::handle timeout) {
  CallOptions call;
  if (nb::isinstance<PyRunOptions>(options)) {
    const auto& own = nb::cast<const PyRunOptions&>(options);
    call.cancellation = own.cancellation;
    for (const auto& [key, read] : kEntries)
      if (const auto found = own.entries.find(key); found != own.entries.end() && !found->second.empty())
        read(found->second, call);
  } else if (!options.is_none()) {
    for (const auto& [key, read] : kEntries) {
      const nb::object given = entry(options, key);
      if (given.is_none()) continue;
      const OptionValue value = option_value(given);
      if (!is_blank(value)) read(value, call);
    }
  }
  if (!timeout.is_none()) call.timeout = seconds_of(timeout);
  return call;
}

void bind_run_options(nb::module_& m) {
  nb::class_<PyRunOptions>(
      m, "RunOptions",
      R"(How one call differs from the session's settings. One object may serve any number of calls at once.

Entries (add_run_config_entry) that mean something here: "timeout_ms", "output_dtype" ("float32" or "native") and
"ztu_modelrt_dispatch_batch"; others are kept and ignored. Wherever run options are taken, a dict of entries will do too.)")
      .def(nb::init<>())
      .def_prop_rw(
          "terminate", [](const PyRunOptions& o) { return o.cancellation.cancelled(); },
          [](PyRunOptions& o, bool on) {
            WithoutGil nogil;  // it takes the sessions' locks
            if (on) o.cancellation.cancel();
            else o.cancellation.reset();
          },
          R"(Set True, from any thread: calls with these options whose task has not begun raise Cancelled at once, tasks
being executed finish and deliver their results, later calls are refused until it is False again.)")
      .def_rw("logid", &PyRunOptions::logid, "A name for these calls; not used by this package.")
      .def_rw("run_tag", &PyRunOptions::logid, "The same as logid.")
      .def_rw("log_severity_level", &PyRunOptions::log_severity_level,
              "Accepted and kept; log levels are the process's.")
      .def_rw("log_verbosity_level", &PyRunOptions::log_verbosity_level, "As log_severity_level.")
      .def_rw("only_execute_path_to_fetches", &PyRunOptions::only_execute_path_to_fetches,
              "Accepted and kept; a compiled model always runs as a whole.")
      .def(
          "add_run_config_entry",
          [](PyRunOptions& o, std::string key, std::string value) {
            if (key.empty()) throw InvalidArgument("run config entry: an empty key given");
            CallOptions unused;  // a wrong value is refused here, where it is given
            for (const auto& [known, read] : kEntries)
              if (key == known && !value.empty()) read(OptionValue(value), unused);
            o.entries[std::move(key)] = std::move(value);
          },
          "key"_a, "value"_a, "Set an entry. Raises InvalidArgument when a known entry's value is not accepted.")
      .def(
          "get_run_config_entry",
          [](const PyRunOptions& o, const std::string& key) {
            const auto found = o.entries.find(key);
            if (found == o.entries.end()) throw InvalidArgument("run config entry \"" + key + "\" is not set");
            return found->second;
          },
          "key"_a, "The value of an entry. Raises InvalidArgument (a RuntimeError) when it is not set.");
}

}  // namespace ez_rknn::python
