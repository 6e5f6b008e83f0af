#include "session.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "callbacks.hpp"
#include "dict_of.hpp"
#include "errors.hpp"
#include "ez_rknn/session.hpp"
#include "feed.hpp"
#include "gil.hpp"
#include "options.hpp"
#include "pipeline.hpp"
#include "run_options.hpp"
#include "text.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {
namespace {

/// Callbacks are delivered in batches under one hold of the GIL.
void with_gil(const std::function<void()>& batch) {
  static thread_local const ThreadRecord record;
  WithGil gil;
  batch();
}

void let_go_of_gil(const std::function<void()>& wait) {
  if (without_gil) return wait();
  WithoutGil nogil;
  wait();
}

/// callback(results, user_data, error text), as onnxruntime calls it.
Callback async_callback(nb::object callable, nb::object user_data) {
  return [call = Held(std::move(callable)), data = Held(std::move(user_data))](std::vector<Tensor> results,
                                                                               const std::exception_ptr& error) {
    call_safely(call.get(), [&] {
      if (error) call.get()(nb::none(), data.get(), to_str(text_of(error)));
      else call.get()(to_list(std::move(results)), data.get(), nb::str(""));
    });
  };
}

/// One call, read from Python.
struct Call {
  std::vector<int> outputs;
  CallOptions options;
  BorrowedArrays inputs;

  Call(const Session& session, nb::handle names, nb::handle feed, nb::handle run_options, nb::handle timeout)
      : outputs(output_indexes(session.outputs(), names)), options(read_run_options(run_options, timeout)) {
    read_feed(session.inputs(), feed, inputs);
  }
  RunOptions run_options() const { return {outputs, options.output_type, options.timeout, options.cancellation}; }
};

/// Small inputs are copied, and the task stands in its queue, before the lock could change hands; a task for which
/// there is no room lets go of it (let_go_of_gil). Where callbacks wait for the lock, every change of hands costs two
/// wake-ups.
template <class HandIn>
auto hand_in(const Call& call, HandIn&& hand_in) {
  constexpr std::size_t kSmall = 32 << 10;  // bytes: what is copied in a microsecond or two
  std::size_t bytes = 0;
  for (const InputView& input : call.inputs.views())
    bytes += static_cast<std::size_t>(input.shape.elements()) * size_of(input.type);
  if (bytes <= kSmall) return hand_in();
  WithoutGil nogil;
  return hand_in();
}

class PySession {
 public:
  PySession(nb::handle model, const nb::dict& options, const PySession* weights_from);
  ~PySession() {
    WithoutGil nogil;  // closing delivers callbacks, which need the GIL
    session_.reset();
  }

  nb::list run(nb::handle names, nb::handle feed, nb::handle run_options, nb::handle timeout) {
    const Call call(*session_, names, feed, run_options, timeout);
    std::vector<Tensor> results;
    {
      WithoutGil nogil;
      results = call.options.dispatch_batch ? session_->run_batch(call.inputs.views(), call.run_options())
                                            : session_->run(call.inputs.views(), call.run_options());
    }
    return to_list(std::move(results));
  }

  void run_async(nb::handle names, nb::handle feed, nb::object callback, nb::object user_data, nb::handle run_options,
                 nb::handle timeout) {
    if (!PyCallable_Check(callback.ptr()))
      throw InvalidType("callback: " + type_of(callback) + " given; accepted: a callable(results, user_data, error)");
    const Call call(*session_, names, feed, run_options, timeout);
    call.options.refuse_batch("run_async");
    Callback done = async_callback(std::move(callback), std::move(user_data));
    hand_in(call, [&] { session_->run_async(call.inputs.views(), std::move(done), call.run_options()); });
  }

  /// @param wait  for room; otherwise the task stands in line and this returns at once
  TaskHandle post(nb::handle names, nb::handle feed, nb::handle run_options, nb::handle timeout, nb::object done,
                  bool wait) {
    const Call call(*session_, names, feed, run_options, timeout);
    call.options.refuse_batch(wait ? "submit" : "arun");
    Callback callback = completion<std::vector<Tensor>>(std::move(done), to_list);
    const IfFull if_full = wait ? IfFull::wait : IfFull::park;
    return hand_in(
        call, [&] { return session_->post(call.inputs.views(), std::move(callback), call.run_options(), if_full); });
  }

  Future submit(nb::handle names, nb::handle feed, nb::handle run_options, nb::handle timeout) {
    const Call call(*session_, names, feed, run_options, timeout);
    call.options.refuse_batch("map");
    return hand_in(call, [&] { return session_->submit(call.inputs.views(), call.run_options()); });
  }

  std::unique_ptr<PyPipeline> pipeline(int depth, nb::handle names, nb::handle run_options, nb::handle timeout) {
    const auto outputs = output_indexes(session_->outputs(), names);
    const CallOptions call = read_run_options(run_options, timeout);
    return std::make_unique<PyPipeline>(*session_, depth,
                                        RunOptions{outputs, call.output_type, call.timeout, call.cancellation});
  }

  nb::object run_pipeline(nb::handle feed, int depth, bool reset) {
    BorrowedArrays arrays;
    read_feed(session_->inputs(), feed, arrays);
    std::optional<std::vector<Tensor>> results;
    {
      WithoutGil nogil;
      results = session_->run_pipeline(arrays.views(), depth, reset);
    }
    return results ? nb::object(to_list(std::move(*results))) : nb::none();
  }

  bool close(nb::handle timeout) {
    std::optional<std::chrono::nanoseconds> limit;
    if (!timeout.is_none()) limit = seconds_of(timeout);
    WithoutGil nogil;
    return session_->close(limit);
  }

  const Session& get() const { return *session_; }
  Session& get() { return *session_; }
  /// What loading could not do as asked.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::vector<std::string> warnings_;
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

PySession::PySession(nb::handle model, const nb::dict& options, const PySession* weights_from) {
  SessionOptions settings = session_options(options);
  settings.around_callbacks = with_gil;
  settings.around_waiting = let_go_of_gil;
  settings.on_warning = [&](const std::string& text) { warnings_.push_back(text); };
  const Session* weights = weights_from ? &*weights_from->session_ : nullptr;
  if (nb::isinstance<nb::str>(model)) {
    const nb::bytes encoded = nb::steal<nb::bytes>(PyUnicode_EncodeFSDefault(model.ptr()));
    if (!encoded.is_valid()) throw nb::python_error();
    const std::string path(encoded.c_str(), encoded.size());
    if (path.find('\0') != path.npos) throw InvalidArgument("the model's path holds a zero byte");
    WithoutGil nogil;
    session_.emplace(path, settings, weights);
    return;
  }
  const ReadBuffer content(model);
  const std::span bytes(static_cast<const std::byte*>(content.view.buf), static_cast<std::size_t>(content.view.len));
  WithoutGil nogil;
  session_.emplace(bytes, settings, weights);
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

nb::dict percentiles(const Percentiles& p) {
  return dict_of("mean"_a = p.mean, "p50"_a = p.p50, "p90"_a = p.p90, "p99"_a = p.p99, "max"_a = p.max);
}

nb::dict stats(const PySession& session) {
  const Statistics s = session.get().stats();
  nb::list cores;
  for (const CoreStatistics& c : s.cores)
    cores.append(dict_of("core"_a = c.core, "workers"_a = c.workers, "tasks"_a = c.tasks, "busy_ms"_a = c.busy_ms));
  return dict_of("submitted"_a = s.submitted, "waiting"_a = s.waiting, "waiting_for_room"_a = s.waiting_for_room,
                 "running"_a = s.running, "abandoned"_a = s.abandoned, "completed"_a = s.completed,
                 "failed"_a = s.failed, "cancelled"_a = s.cancelled, "timed_out"_a = s.timed_out,
                 "rejected"_a = s.rejected, "undelivered"_a = s.undelivered, "delivered"_a = s.delivered,
                 "ran_on_caller"_a = s.ran_on_caller, "wait_ms"_a = percentiles(s.wait),
                 "run_ms"_a = percentiles(s.run), "cores"_a = cores);
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
      .def("run", &PySession::run, "output_names"_a.none(), "input_feed"_a.none(), "run_options"_a.none(),
           "timeout"_a.none())
      .def("run_async", &PySession::run_async, "output_names"_a.none(), "input_feed"_a.none(), "callback"_a.none(),
           "user_data"_a.none(), "run_options"_a.none(), "timeout"_a.none())
      .def("post", &PySession::post, "output_names"_a.none(), "input_feed"_a.none(), "run_options"_a.none(),
           "timeout"_a.none(), "done"_a, "wait"_a)
      .def("submit", &PySession::submit, "output_names"_a.none(), "input_feed"_a.none(), "run_options"_a.none(),
           "timeout"_a.none())
      .def("pipeline", &PySession::pipeline, "depth"_a, "output_names"_a.none(), "run_options"_a.none(),
           "timeout"_a.none(), nb::keep_alive<0, 1>())
      .def("run_pipeline", &PySession::run_pipeline, "input_feed"_a.none(), "depth"_a, "reset"_a)
      .def("close", &PySession::close, "timeout"_a.none())
      .def("inputs", [](const PySession& s) { return describe(s.get().inputs()); })
      .def("outputs", [](const PySession& s) { return describe(s.get().outputs()); })
      .def("native_inputs", [](const PySession& s) { return describe(s.get().native_inputs()); })
      .def("native_outputs", [](const PySession& s) { return describe(s.get().native_outputs()); })
      .def("input_names", [](const PySession& s) { return names(s.get().inputs()); })
      .def("output_names", [](const PySession& s) { return names(s.get().outputs()); })
      .def("custom_string", [](const PySession& s) { return to_str(s.get().custom_string()); })
      .def("warnings", [](const PySession& s) { return s.warnings(); })
      .def("runtime", &runtime)
      .def("memory_info", &memory_info)
      .def("perf_detail", [](const PySession& s) { return to_str(s.get().perf_detail()); })
      .def("stats", &stats)
      .def("workers", [](const PySession& s) { return s.get().workers(); })
      .def(
          "warm_up", [](PySession& s, int runs) { s.get().warm_up(runs); }, "runs"_a, nb::call_guard<WithoutGil>())
      .def(
          "start_profiling", [](PySession& s, const std::string& prefix) { s.get().start_profiling(prefix); },
          "prefix"_a)
      .def(
          "end_profiling", [](PySession& s) { return s.get().end_profiling(); }, nb::call_guard<WithoutGil>())
      .def("profiling_start_ns", [](const PySession& s) { return s.get().profiling_start_ns(); });
}

}  // namespace ez_rknn::python
