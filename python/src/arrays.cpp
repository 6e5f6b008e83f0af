#include "arrays.hpp"

#include <memory>

#include "ez_rknn/error.hpp"
#include "numpy_api.hpp"
#include "text.hpp"

namespace nb = nanobind;

namespace ez_rknn::python {
namespace {

/// Looked up once and kept for the life of the process, as numpy itself is.
nb::handle numpy(const char* name) { return nb::object(nb::module_::import_("numpy").attr(name)).release(); }
/// What numpy makes of any object with numbers in it; of DLPack producers without a copy.
nb::object c_array(nb::handle value) {
  static const nb::handle from_dlpack = numpy("from_dlpack");
  if (!is_ndarray(value) && nb::hasattr(value, "__dlpack__")) {
    try {
      return c_array(from_dlpack(value));
    } catch (const nb::python_error&) {  // on another device, or of a type numpy lacks
      if (!nb::hasattr(value, "__array__")) throw;
    }
  }
  static const nb::handle asarray = numpy("asarray");
  return asarray(value, nb::arg("order") = "C");
}

[[noreturn]] void refuse_dtype(const std::string& name, nb::handle array) {
  throw InvalidType("input \"" + name + "\": dtype " + str_of(nb::object(array.attr("dtype"))) +
                    " given; accepted: float32, float16, float64, int8, uint8, int16, uint16, int32, uint32, int64, "
                    "bool, in this machine's byte order");
}

nb::object c_array_for(const std::string& name, nb::handle value) {
  try {
    return c_array(value);
  } catch (const nb::python_error& e) {
    throw InvalidArgument("input \"" + name + "\": numpy cannot make an array of it: " + nb::str(e.value()).c_str());
  }
}

}  // namespace

void BorrowedArrays::reserve(std::size_t n) {
  arrays_.reserve(n);
  views_.reserve(n);
}

void BorrowedArrays::add(const std::string& name, nb::handle value) {
  nb::object array = is_ndarray(value) && facts_of(value).dense ? nb::borrow(value) : c_array_for(name, value);
  const ArrayFacts facts = facts_of(array);
  if (!facts.type) refuse_dtype(name, array);
  if (facts.shape.size() > Shape::kMax)
    throw InvalidArgument("input \"" + name + "\": " + std::to_string(facts.shape.size()) +
                          " dimensions given, 16 at most accepted");
  views_.push_back({facts.data, *facts.type, Shape(facts.shape)});
  arrays_.push_back(std::move(array));
}

nb::object to_numpy(Tensor&& tensor) {
  auto owner = std::make_unique<Buffer>(std::move(tensor.buffer));
  void* data = owner->data();
  nb::capsule capsule(owner.get(), [](void* p) noexcept { delete static_cast<Buffer*>(p); });
  static_cast<void>(owner.release());
  return make_array(tensor.type, tensor.shape, data, std::move(capsule));
}

nb::list to_list(std::vector<Tensor>&& tensors) {
  const auto list = nb::steal<nb::list>(PyList_New(static_cast<Py_ssize_t>(tensors.size())));
  if (!list.is_valid()) throw nb::python_error();
  for (std::size_t i = 0; i < tensors.size(); ++i)
    PyList_SetItem(list.ptr(), static_cast<Py_ssize_t>(i), to_numpy(std::move(tensors[i])).release().ptr());
  return list;
}

}  // namespace ez_rknn::python
