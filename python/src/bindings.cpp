#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "callbacks.hpp"
#include "ez_rknn/binding.hpp"
#include "gil.hpp"
#include "run_options.hpp"
#include "session.hpp"
#include "values.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {

namespace {

/// Which outputs there are, and of which type, the binding says.
RunOptions bound_run_options(nb::handle run_options, nb::handle timeout) {
  const CallOptions call = read_run_options(run_options, timeout);
  call.refuse_batch("a bound run");
  return {.timeout = call.timeout, .cancellation = call.cancellation};
}

}  // namespace

void bind_bindings(nb::module_& m) {
  nb::class_<IoBinding>(m, "Binding")
      .def("__init__", [](IoBinding* self, nb::handle session) { new (self) IoBinding(session_of(session)); })
      .def("bind_input", &IoBinding::bind_input)
      .def("bind_output", nb::overload_cast<const std::string&, Value>(&IoBinding::bind_output))
      .def(
          "bind_output_on",
          [](IoBinding& b, const std::string& name, bool npu, const std::optional<std::string>& type) {
            b.bind_output(name, npu ? Device::npu : Device::cpu, element_type_of(type));
          },
          "name"_a, "npu"_a, "type"_a.none())
      .def("clear_inputs", &IoBinding::clear_inputs)
      .def("clear_outputs", &IoBinding::clear_outputs)
      .def("outputs", &IoBinding::outputs)
      .def("output_names", &IoBinding::output_names)
      .def("sync_inputs", &IoBinding::sync_inputs, nb::call_guard<WithoutGil>())
      .def("sync_outputs", &IoBinding::sync_outputs, nb::call_guard<WithoutGil>());
  m.def(
      "output_dtype",
      [](nb::handle run_options) -> nb::object {
        const auto type = read_run_options(run_options, nb::none()).output_type;
        if (!type) return nb::none();
        return nb::str(*type == OutputType::native ? "native" : "float32");
      },
      "run_options"_a.none());
  m.def(
      "run_binding",
      [](nb::handle session, IoBinding& binding, nb::handle run_options, nb::handle timeout) {
        Session& s = session_of(session);
        const RunOptions options = bound_run_options(run_options, timeout);
        WithoutGil nogil;
        s.run(binding, options);
      },
      "session"_a, "binding"_a, "run_options"_a.none(), "timeout"_a.none());
  m.def(
      "run_binding_async",
      [](nb::handle session, IoBinding& binding, nb::object done, nb::handle run_options, nb::handle timeout) {
        Session& s = session_of(session);
        const RunOptions options = bound_run_options(run_options, timeout);
        auto callback = completion<std::vector<Value>>(
            std::move(done), [](std::vector<Value>&& values) { return nb::cast(std::move(values)); });
        WithoutGil nogil;
        s.run_async(binding, std::move(callback), options);
      },
      "session"_a, "binding"_a, "done"_a, "run_options"_a.none(), "timeout"_a.none());
}

}  // namespace ez_rknn::python
