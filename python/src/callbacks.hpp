#pragma once
/// Python callables that the engine's threads call and let go of.
#include <nanobind/nanobind.h>

#include <exception>
#include <utility>

#include "errors.hpp"
#include "gil.hpp"

namespace ez_rknn::python {

/// A Python object that may be let go on any thread.
class Held {
 public:
  explicit Held(nanobind::object object) : object_(std::move(object)) {}
  Held(Held&&) noexcept = default;
  Held(const Held& other) {
    WithGil gil;
    object_ = other.object_;
  }
  ~Held() {
    if (!object_.is_valid()) return;
    WithGil gil;
    object_.reset();
  }
  nanobind::handle get() const { return object_; }

 private:
  nanobind::object object_;
};

/// Makes a call for a thread of the engine's, which holds the GIL; what it raises goes to sys.unraisablehook with its
/// traceback. @param callable  whom the hook is told of
template <class Call>
void call_safely(nanobind::handle callable, Call&& call) noexcept {
  try {
    outlasting(call);  // Python code lets go of the lock and takes it again
  } catch (nanobind::python_error& e) {
    e.restore();
    PyErr_WriteUnraisable(callable.ptr());
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
    PyErr_WriteUnraisable(callable.ptr());
  }
}

/// done(results, None) or done(None, exception). @param to_python  makes the results a Python object
template <class Results, class ToPython>
auto completion(nanobind::object done, ToPython to_python) {
  return [target = Held(std::move(done)), to_python](Results results, const std::exception_ptr& error) {
    call_safely(target.get(), [&] {
      if (error) target.get()(nanobind::none(), exception_of(error));
      else target.get()(to_python(std::move(results)), nanobind::none());
    });
  };
}

}  // namespace ez_rknn::python
