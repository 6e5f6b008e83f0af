#include "errors.hpp"

#include "ez_rknn/error.hpp"
#include "text.hpp"

namespace nb = nanobind;

namespace ez_rknn::python {
namespace {

const char* class_of(const Error& e) {
  if (dynamic_cast<const InvalidType*>(&e)) return "InvalidType";
  switch (e.code) {
    case Code::invalid_argument: return "InvalidArgument";
    case Code::no_such_file: return "NoSuchFile";
    case Code::invalid_model: return "ModelError";
    case Code::unsupported: return "Unsupported";
    case Code::runtime_missing: return "RuntimeMissing";
    case Code::device: return "DeviceError";
    case Code::queue_full: return "QueueFull";
    case Code::timeout: return "Timeout";
    case Code::closed: return "Closed";
    case Code::cancelled: return "Cancelled";
    case Code::fail: break;
  }
  return "Error";
}

nb::object instance_of(const Error& e) {
  const nb::object type = nb::module_::import_("ez_rknn_async.errors").attr(class_of(e));
  nb::object instance = type(to_str(e.what()));
  if (const auto* device = dynamic_cast<const DeviceError*>(&e)) instance.attr("rknn_ret") = device->rknn_ret;
  if (const auto* model = dynamic_cast<const ModelError*>(&e); model && model->offset != ModelError::kUnknown)
    instance.attr("offset") = model->offset;
  return instance;
}

}  // namespace

void translate_errors() {
  nb::register_exception_translator([](const std::exception_ptr& p, void*) {
    try {
      std::rethrow_exception(p);
    } catch (const Error& e) {
      try {
        const nb::object instance = instance_of(e);
        PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(instance.ptr())), instance.ptr());
      } catch (nb::python_error& python) { python.restore(); }
    }
  });
}

nb::object exception_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) { return instance_of(e); } catch (const std::bad_alloc&) {
    return nb::borrow(PyExc_MemoryError)();
  } catch (...) { return nb::module_::import_("ez_rknn_async.errors").attr("Error")(to_str(text_of(error))); }
}

std::string text_of(const std::exception_ptr& error) {
  if (!error) return {};
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) { return *e.what() ? e.what() : "unknown error"; } catch (...) {
    return "unknown error";
  }
}

}  // namespace ez_rknn::python
