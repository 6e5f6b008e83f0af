#pragma once
/// The interpreter's lock. nanobind's own guards are not used here: before Python 3.14, a thread that wants the lock
/// while the interpreter ends is unwound by pthread_exit from inside their destructors, which ends the process with
/// std::terminate. With these it sleeps until the process is gone, as Python 3.14 has it.
#include <Python.h>
#include <unistd.h>

#include <exception>

namespace ez_rknn::python {

[[noreturn]] inline void sleep_until_exit() noexcept {
  for (;;) pause();
}

/// Makes a call that may take the lock. Where the interpreter's end would unwind the thread, it does not return.
template <class Call>
auto outlasting(Call&& call) {
  try {
    return call();
  } catch (const std::exception&) { throw; } catch (...) {  // pthread_exit's unwinding, which has no standard type
    sleep_until_exit();
  }
}

/// Whether this thread, which came from Python, has let go of the lock: the interpreter's own answer is not part of its
/// stable interface.
inline thread_local bool without_gil = false;

/// Holds the lock, on any thread.
class WithGil {
 public:
  WithGil() {
    if (!Py_IsInitialized()) sleep_until_exit();
    state_ = outlasting([] { return PyGILState_Ensure(); });
    without_gil = false;
  }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;
  ~WithGil() {
    without_gil = before_;
    PyGILState_Release(state_);
  }

 private:
  const bool before_ = without_gil;
  PyGILState_STATE state_;
};

/// Keeps the interpreter's record of a thread that did not come from Python, from one WithGil to the next. A new one
/// costs a stack for Python's frames each time, which is mapped, filled and unmapped in every other thread's face.
class ThreadRecord {
 public:
  ThreadRecord() {
    WithGil gil;
    first_ = PyGILState_Ensure();
  }
  ThreadRecord(const ThreadRecord&) = delete;
  ThreadRecord& operator=(const ThreadRecord&) = delete;
  ~ThreadRecord() {
    if (!Py_IsInitialized()) return;
    WithGil gil;
    PyGILState_Release(first_);
  }

 private:
  PyGILState_STATE first_;
};

/// Lets others have the lock meanwhile. On a thread that holds it.
class WithoutGil {
 public:
  WithoutGil() : thread_(PyEval_SaveThread()) { without_gil = true; }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() {
    outlasting([this] { PyEval_RestoreThread(thread_); });
    without_gil = false;
  }

 private:
  PyThreadState* const thread_;
};

}  // namespace ez_rknn::python
