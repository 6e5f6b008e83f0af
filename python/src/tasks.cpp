#include "tasks.hpp"

#include "arrays.hpp"
#include "ez_rknn/future.hpp"
#include "gil.hpp"

namespace nb = nanobind;

namespace ez_rknn::python {
namespace {

nb::object get(Future& future) {
  std::vector<Tensor> results;
  {
    WithoutGil nogil;
    results = future.get();
  }
  return to_list(std::move(results));
}

}  // namespace

void bind_tasks(nb::module_& m) {
  nb::class_<TaskHandle>(m, "Task")
      .def("withdraw", &TaskHandle::withdraw, nb::call_guard<WithoutGil>())
      .def("running", &TaskHandle::running, nb::call_guard<WithoutGil>());
  nb::class_<Future>(m, "Pending").def("get", &get).def("cancel", &Future::cancel, nb::call_guard<WithoutGil>());
}

}  // namespace ez_rknn::python
