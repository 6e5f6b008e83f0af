#include "pipeline.hpp"

#include "arrays.hpp"
#include "feed.hpp"
#include "gil.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {
namespace {

nb::object list_or_none(std::optional<Pipeline::Outputs>&& outputs) {
  return outputs ? nb::object(to_list(std::move(*outputs))) : nb::none();
}

}  // namespace

nb::object PyPipeline::push(nb::handle feed) {
  BorrowedArrays arrays;
  read_feed(inputs_, feed, arrays);
  std::optional<Pipeline::Outputs> outputs;
  {
    WithoutGil nogil;
    outputs = pipeline_.push(arrays.views());
  }
  return list_or_none(std::move(outputs));
}

nb::object PyPipeline::pop() {
  std::optional<Pipeline::Outputs> outputs;
  {
    WithoutGil nogil;
    outputs = pipeline_.pop();
  }
  return list_or_none(std::move(outputs));
}

nb::list PyPipeline::flush() {
  std::vector<Pipeline::Outputs> all;
  {
    WithoutGil nogil;
    all = pipeline_.flush();
  }
  nb::list list;
  for (auto& outputs : all) list.append(to_list(std::move(outputs)));
  return list;
}

void PyPipeline::clear() {
  WithoutGil nogil;
  pipeline_.clear();
}

void bind_pipeline(nb::module_& m) {
  nb::class_<PyPipeline>(m, "Pipeline", "A window of tasks in flight; made by InferenceSession.pipeline.")
      .def("push", &PyPipeline::push, "input_feed"_a.none(),
           "Queue a task; once more than `depth` are in flight, wait for the oldest and return its outputs, else "
           "None.\n\n"
           "Raises the error of the task that comes out, which is gone then; an input that is refused changes nothing.")
      .def("pop", &PyPipeline::pop, "Wait for the oldest task and return its outputs; None when nothing is in flight.")
      .def("flush", &PyPipeline::flush,
           "Wait for all in flight and return their outputs, in order.\n\n"
           "When a task failed its error is raised and the task is gone; the others stay for the next flush.")
      .def("clear", &PyPipeline::clear, "Withdraw the tasks that have not begun, drop the outcomes of the others.")
      .def_prop_ro("depth", [](const PyPipeline& p) { return p.get().depth(); })
      .def(
          "__len__", [](const PyPipeline& p) { return p.get().size(); }, "Tasks in flight.")
      .def("__bool__", [](const PyPipeline&) { return true; })
      .def("__iter__", [](nb::handle self) { return nb::borrow(self); })
      .def("__next__",
           [](PyPipeline& p) {
             nb::object outputs = p.pop();
             if (outputs.is_none()) throw nb::stop_iteration();
             return outputs;
           })
      .def("__enter__", [](nb::handle self) { return nb::borrow(self); })
      .def(
          "__exit__", [](PyPipeline& p, nb::args) { p.clear(); }, nb::sig("def __exit__(self, *args: object) -> None"));
}

}  // namespace ez_rknn::python
