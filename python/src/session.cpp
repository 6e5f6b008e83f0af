#include "session.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "dict_of.hpp"
#include "errors.hpp"
#include "ez_rknn/session.hpp"
#include "feed.hpp"
#include "options.hpp"
#include "session/engine.hpp"
#include "text.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {
namespace {

/// Callbacks are delivered in batches under one hold of the GIL.
void with_gil(const std::function<void()>& batch) {
  nb::gil_scoped_acquire gil;
  batch();
}

/// A Python callable and its user data. Destroyed on whatever thread gives up last, so it takes the GIL by itself.
struct PythonCallback {
  nb::object callable, user_data;

  void operator()(std::vector<Tensor>&& results, const std::exception_ptr& error) const noexcept {
    try {
      if (error) callable(nb::none(), user_data, to_str(text_of(error)));
      else callable(to_list(std::move(results)), user_data, nb::str(""));
    } catch (nb::python_error& e) {
      e.restore();
      PyErr_WriteUnraisable(callable.ptr());  // with its traceback, through sys.unraisablehook
    } catch (const std::exception& e) {
      PyErr_SetString(PyExc_RuntimeError, e.what());
      PyErr_WriteUnraisable(callable.ptr());
    }
  }
  ~PythonCallback() {
    nb::gil_scoped_acquire gil;
    callable.reset();
    user_data.reset();
  }
};

class PySession {
 public:
  PySession(nb::handle model, nb::dict options, PySession* weights_from)
      : session_(load(model, options, weights_from)) {}
  ~PySession() {
    nb::gil_scoped_release nogil;  // closing delivers callbacks, which need the GIL
    session_.reset();
  }

  nb::object run(nb::handle names, nb::handle feed, nb::handle run_options) {
    const auto outputs = output_indexes(session_->outputs(), names);
    const CallOptions call = read_run_options(run_options);
    BorrowedArrays arrays;
    read_feed(session_->inputs(), feed, arrays);
    std::vector<Tensor> results;
    {
      nb::gil_scoped_release nogil;
      const RunOptions options{outputs, call.output_type};
      results =
          call.dispatch_batch ? session_->run_batch(arrays.views(), options) : session_->run(arrays.views(), options);
    }
    return to_list(std::move(results));
  }

  void run_async(nb::handle names, nb::handle feed, nb::object callback, nb::object user_data, nb::handle run_options) {
    if (!PyCallable_Check(callback.ptr()))
      throw InvalidType("callback: " + type_of(callback) + " given; accepted: a callable(results, user_data, error)");
    const auto outputs = output_indexes(session_->outputs(), names);
    const CallOptions call = read_run_options(run_options);
    if (call.dispatch_batch)
      throw Unsupported(
          "run_async does not support ztu_modelrt_dispatch_batch; accepted: run, or one run_async a sample");
    BorrowedArrays arrays;
    read_feed(session_->inputs(), feed, arrays);
    auto target = std::make_shared<PythonCallback>(std::move(callback), std::move(user_data));
    nb::gil_scoped_release nogil;
    session_->run_async(arrays.views(),
                        [target = std::move(target)](std::vector<Tensor> results, const std::exception_ptr& error) {
                          (*target)(std::move(results), error);
                        },
                        {outputs, call.output_type});
  }

  nb::object run_pipeline(nb::handle feed, int depth, bool reset) {
    BorrowedArrays arrays;
    read_feed(session_->inputs(), feed, arrays);
    std::optional<std::vector<Tensor>> results;
    {
      nb::gil_scoped_release nogil;
      results = session_->run_pipeline(arrays.views(), depth, reset);
    }
    return results ? nb::object(to_list(std::move(*results))) : nb::none();
  }

  void close() {
    nb::gil_scoped_release nogil;
    session_->close();
  }

  const Session& get() const { return *session_; }
  Session& get() { return *session_; }

 private:
  static std::optional<Session> load(nb::handle model, const nb::dict& options, PySession* weights_from);
  std::optional<Session> session_;
};

struct ReadBuffer {
  Py_buffer view;
  explicit ReadBuffer(nb::handle h) {
    if (PyObject_GetBuffer(h.ptr(), &view, PyBUF_SIMPLE) == 0) return;
    PyErr_Clear();
    throw InvalidType("model: " + type_of(h) +
                      " given; accepted: a path, or bytes, bytearray, memoryview or mmap with the model's content");
  }
  ~ReadBuffer() { PyBuffer_Release(&view); }
};

std::optional<Session> PySession::load(nb::handle model, const nb::dict& options, PySession* weights_from) {
  Engine::Setup setup{session_options(options), weights_from ? weights_from->session_->engine() : nullptr, with_gil};
  std::optional<Session> session;
  if (nb::isinstance<nb::str>(model)) {
    const nb::bytes encoded = nb::steal<nb::bytes>(PyUnicode_EncodeFSDefault(model.ptr()));
    if (!encoded.is_valid()) throw nb::python_error();
    const std::string path(encoded.c_str(), encoded.size());
    if (path.find('\0') != path.npos) throw InvalidArgument("the model's path holds a zero byte");
    nb::gil_scoped_release nogil;
    session.emplace(Engine::load(ModelSource::from_file(path), std::move(setup)));
    return session;
  }
  const ReadBuffer content(model);
  const std::span bytes(static_cast<const std::byte*>(content.view.buf), static_cast<std::size_t>(content.view.len));
  nb::gil_scoped_release nogil;
  session.emplace(Engine::load(ModelSource::from_memory(bytes), std::move(setup)));
  return session;
}

std::vector<std::int64_t> dims(const Shape& s) { return {s.begin(), s.end()}; }

/// The arguments of NodeArg.
nb::list describe(const std::vector<TensorInfo>& tensors) {
  nb::list nodes;
  for (const TensorInfo& t : tensors) {
    nb::list dynamic;
    for (const Shape& s : t.dynamic_shapes) dynamic.append(dims(s));
    nodes.append(nb::make_tuple(to_str(t.name), dims(t.shape), onnx_name_of(t.type), onnx_name_of(t.native_type),
                                name_of(t.layout), t.quantised ? nb::cast(t.scale) : nb::none(),
                                t.quantised ? nb::cast(t.zero_point) : nb::none(), dynamic, dims(t.strides)));
  }
  return nodes;
}

nb::list names(const std::vector<TensorInfo>& tensors) {
  nb::list n;
  for (const TensorInfo& t : tensors) n.append(to_str(t.name));
  return n;
}

nb::dict statistics(const PySession& s) {
  const Statistics c = s.get().statistics();
  return dict_of("accepted"_a = c.accepted, "completed"_a = c.completed, "failed"_a = c.failed,
                 "rejected"_a = c.rejected, "ran_on_caller"_a = c.ran_on_caller, "callbacks"_a = c.callbacks,
                 "waiting"_a = c.waiting, "executing"_a = c.executing, "undelivered"_a = c.undelivered,
                 "run_ms"_a = c.run_ms);
}

nb::dict memory_info(const PySession& s) {
  const MemoryInfo& m = s.get().memory();
  return dict_of("weights"_a = m.weights, "internal"_a = m.internal, "allocated"_a = m.allocated, "sram"_a = m.sram,
                 "free_sram"_a = m.free_sram);
}

nb::dict runtime(const PySession& s) {
  return dict_of("path"_a = to_str(s.get().runtime_path()), "software"_a = s.get().is_software(),
                 "version"_a = to_str(s.get().runtime_version()), "driver"_a = to_str(s.get().driver_version()));
}

}  // namespace

Session& session_of(nb::handle object) {
  PySession* session = nullptr;
  if (!nb::try_cast(object, session) || !session)
    throw InvalidType("session: " + type_of(object) + " given; accepted: an InferenceSession");
  return session->get();
}

void bind_session(nb::module_& m) {
  nb::class_<PySession>(m, "Session")
      .def(nb::init<nb::handle, nb::dict, PySession*>(), "model"_a.none(), "options"_a,
           "weights_from"_a.none() = nb::none())
      .def("run", &PySession::run, "output_names"_a.none(), "input_feed"_a.none(), "run_options"_a.none())
      .def("run_async", &PySession::run_async, "output_names"_a.none(), "input_feed"_a.none(), "callback"_a.none(),
           "user_data"_a.none(), "run_options"_a.none())
      .def("run_pipeline", &PySession::run_pipeline, "input_feed"_a.none(), "depth"_a, "reset"_a)
      .def("close", &PySession::close)
      .def("inputs", [](const PySession& s) { return describe(s.get().inputs()); })
      .def("outputs", [](const PySession& s) { return describe(s.get().outputs()); })
      .def("native_inputs", [](const PySession& s) { return describe(s.get().native_inputs()); })
      .def("native_outputs", [](const PySession& s) { return describe(s.get().native_outputs()); })
      .def("input_names", [](const PySession& s) { return names(s.get().inputs()); })
      .def("output_names", [](const PySession& s) { return names(s.get().outputs()); })
      .def("custom_string", [](const PySession& s) { return to_str(s.get().custom_string()); })
      .def("warnings", [](const PySession& s) { return s.get().engine()->warnings(); })
      .def("runtime", &runtime)
      .def("memory_info", &memory_info)
      .def("perf_detail", [](const PySession& s) { return to_str(s.get().perf_detail()); })
      .def("statistics", &statistics);
}

}  // namespace ez_rknn::python
