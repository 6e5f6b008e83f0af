/// ez_rknn_async._core: the session engine. The package around it is the public interface.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "core/log.hpp"
#include "dict_of.hpp"
#include "errors.hpp"
#include "ez_rknn/options.hpp"
#include "ez_rknn/version.hpp"
#include "gil.hpp"
#include "options.hpp"
#include "pipeline.hpp"
#include "run_options.hpp"
#include "session.hpp"
#include "session/engine.hpp"
#include "session/runtime_choice.hpp"
#include "tasks.hpp"
#include "text.hpp"
#include "values.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using ez_rknn::log::Level;
using ez_rknn::python::dict_of;
using ez_rknn::python::to_str;
using ez_rknn::python::WithoutGil;

/// ONNX Runtime's severities run the other way: this one, 3, is its 0.
constexpr int kVerbose = static_cast<int>(Level::debug);

NB_MODULE(_core, m) {
  nb::set_leak_warnings(false);  // a session that a module holds until the interpreter ends is no mistake
  m.attr("version") = ez_rknn::version();
  ez_rknn::python::translate_errors();
  ez_rknn::python::bind_run_options(m);
  ez_rknn::python::bind_tasks(m);
  ez_rknn::python::bind_pipeline(m);
  ez_rknn::python::bind_session(m);
  ez_rknn::python::bind_values(m);
  ez_rknn::python::bind_bindings(m);
  m.def(
      "check_options", [](nb::dict options) { ez_rknn::python::session_options(options); }, "options"_a,
      "Raises what a session with these provider options would raise for them.");
  m.def("known_options", [] {
    nb::dict d;
    for (const auto& o : ez_rknn::known_options())
      d[nb::str(o.name.data(), o.name.size())] = nb::str(o.accepted.data(), o.accepted.size());
    return d;
  });
  m.def(
      "examine_runtimes",
      [](const std::string& request) {
        const auto choice = ez_rknn::examine_runtimes(request);
        nb::list attempts;
        for (const auto& a : choice.attempts)
          attempts.append(dict_of("path"_a = to_str(a.path), "why_not"_a = to_str(a.why_not)));
        return dict_of("asked_by"_a = to_str(choice.asked_by), "npu_present"_a = choice.npu_present,
                       "path"_a = choice.library ? to_str(choice.library->path()) : nb::none(),
                       "software"_a = choice.library && choice.library->is_software(), "attempts"_a = attempts);
      },
      "request"_a, "Which runtime a session with this option `runtime` would use, and every one that was tried.");
  m.def(
      "set_log_severity",
      [](int severity) { ez_rknn::RuntimeLibrary::set_log_level(static_cast<Level>(kVerbose - severity)); },
      "severity"_a, "0 verbose ... 4 fatal, as ONNX Runtime counts.");
  m.def("log_severity", [] { return kVerbose - static_cast<int>(ez_rknn::log::threshold()); });
  m.def("software_runtime_path", &ez_rknn::software_runtime_path);
  m.def("npu_present", &ez_rknn::npu_present);
  m.def("close_all", &ez_rknn::close_all_engines, nb::call_guard<WithoutGil>());
}
