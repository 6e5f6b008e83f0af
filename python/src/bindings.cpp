#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "errors.hpp"
#include "ez_rknn/binding.hpp"
#include "ez_rknn/error.hpp"
#include "run_options.hpp"
#include "session.hpp"
#include "values.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {
namespace {

/// done(values, None) or done(None, exception), on the session's callback thread.
struct Done {
  nb::object callable;
  void operator()(std::vector<Value>&& values, const std::exception_ptr& error) const noexcept {
    try {
      if (error) callable(nb::none(), exception_of(error));
      else callable(nb::cast(std::move(values)), nb::none());
    } catch (nb::python_error& e) {
      e.restore();
      PyErr_WriteUnraisable(callable.ptr());
    } catch (const std::exception& e) {
      PyErr_SetString(PyExc_RuntimeError, e.what());
      PyErr_WriteUnraisable(callable.ptr());
    }
  }
  explicit Done(nb::object c) : callable(std::move(c)) {}
  ~Done() {
    nb::gil_scoped_acquire gil;
    callable.reset();
  }
};

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
      .def("sync_inputs", &IoBinding::sync_inputs, nb::call_guard<nb::gil_scoped_release>())
      .def("sync_outputs", &IoBinding::sync_outputs, nb::call_guard<nb::gil_scoped_release>());
  m.def(
      "output_dtype",
      [](nb::handle run_options) -> nb::object {
        const auto type = read_run_options(run_options, nb::none()).output_type;
        if (!type) return nb::none();
        return nb::str(*type == OutputType::native ? "native" : "float32");
      },
      "run_options"_a.none());
  m.def("run_binding", [](nb::handle session, IoBinding& binding) {
    Session& s = session_of(session);
    nb::gil_scoped_release nogil;
    s.run(binding);
  });
  m.def("run_binding_async", [](nb::handle session, IoBinding& binding, nb::object done) {
    Session& s = session_of(session);
    auto target = std::make_shared<Done>(std::move(done));
    nb::gil_scoped_release nogil;
    s.run_async(binding, [target = std::move(target)](std::vector<Value> values, const std::exception_ptr& error) {
      (*target)(std::move(values), error);
    });
  });
}

}  // namespace ez_rknn::python
