#include "arrays.hpp"

#include <nanobind/ndarray.h>

#include <array>
#include <optional>

#include "ez_rknn/error.hpp"
#include "text.hpp"

namespace nb = nanobind;

namespace ez_rknn::python {
namespace {

/// Looked up once and kept for the life of the process, as numpy itself is.
nb::handle numpy(const char* name) { return nb::object(nb::module_::import_("numpy").attr(name)).release(); }
nb::handle ndarray_type() {
  static const nb::handle type = numpy("ndarray");
  return type;
}
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

/// The element type of a buffer's format (PEP 3118); nothing when run() does not take it.
std::optional<ElementType> element_type(const Py_buffer& b) {
  const char* format = b.format ? b.format : "B";
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (format[0] == 0 || format[1] != 0) return std::nullopt;
  switch (*format) {
    case 'f': return ElementType::float32;
    case 'd': return ElementType::float64;
    case 'e': return ElementType::float16;
    case '?': return ElementType::boolean;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
      return b.itemsize == 1   ? ElementType::int8
             : b.itemsize == 2 ? ElementType::int16
             : b.itemsize == 4 ? ElementType::int32
                               : ElementType::int64;
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
      if (b.itemsize == 8) return std::nullopt;
      return b.itemsize == 1 ? ElementType::uint8 : b.itemsize == 2 ? ElementType::uint16 : ElementType::uint32;
    default: return std::nullopt;
  }
}

nb::dlpack::dtype dlpack_type(ElementType type) {
  using C = nb::dlpack::dtype_code;
  const auto make = [&](C code) {
    return nb::dlpack::dtype{static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(8 * size_of(type)), 1};
  };
  switch (type) {
    case ElementType::float32:
    case ElementType::float16:
    case ElementType::float64: return make(C::Float);
    case ElementType::int8:
    case ElementType::int16:
    case ElementType::int32:
    case ElementType::int64: return make(C::Int);
    case ElementType::uint8:
    case ElementType::uint16:
    case ElementType::uint32: return make(C::UInt);
    case ElementType::boolean: return make(C::Bool);
    case ElementType::int4:
    case ElementType::bfloat16: break;
  }
  throw Unsupported(std::string("numpy has no type for the output's ") + name_of(type) +
                    "; output_dtype=\"float32\" converts it");
}

[[noreturn]] void refuse_dtype(const std::string& name, nb::handle array) {
  throw InvalidType("input \"" + name + "\": dtype " + str_of(nb::object(array.attr("dtype"))) +
                    " given; accepted: float32, float16, float64, int8, uint8, int16, uint16, int32, uint32, int64, "
                    "bool, in this machine's byte order");
}

}  // namespace

bool is_ndarray(nb::handle value) { return PyObject_TypeCheck(value.ptr(), (PyTypeObject*)ndarray_type().ptr()); }

BorrowedArrays::~BorrowedArrays() {
  for (Py_buffer& b : buffers_) PyBuffer_Release(&b);
}

void BorrowedArrays::reserve(std::size_t n) {
  buffers_.reserve(n);
  views_.reserve(n);
}

void BorrowedArrays::add(const std::string& name, nb::handle value) {
  constexpr int kDense = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS;
  Py_buffer b;
  if (!is_ndarray(value) || PyObject_GetBuffer(value.ptr(), &b, kDense) != 0) {
    PyErr_Clear();
    nb::object array;
    try {
      array = c_array(value);
    } catch (const nb::python_error& e) {
      throw InvalidArgument("input \"" + name + "\": numpy cannot make an array of it: " + nb::str(e.value()).c_str());
    }
    if (PyObject_GetBuffer(array.ptr(), &b, kDense) != 0) {  // a dtype without a buffer format
      PyErr_Clear();
      refuse_dtype(name, array);
    }
  }
  buffers_.push_back(b);  // keeps the array alive
  const auto type = element_type(b);
  if (!type) refuse_dtype(name, b.obj);
  if (static_cast<std::size_t>(b.ndim) > Shape::kMax)
    throw InvalidArgument("input \"" + name + "\": " + std::to_string(b.ndim) +
                          " dimensions given, 16 at most accepted");
  views_.push_back({b.buf, *type, Shape(std::span(b.shape, static_cast<std::size_t>(b.ndim)))});
}

nb::object to_numpy(Tensor&& tensor) {
  const auto type = dlpack_type(tensor.type);
  std::array<std::size_t, Shape::kMax> shape{};
  for (std::size_t i = 0; i < tensor.shape.rank(); ++i) shape[i] = static_cast<std::size_t>(tensor.shape[i]);
  void* data = tensor.buffer.data();
  auto owner = std::make_unique<Buffer>(std::move(tensor.buffer));
  nb::capsule capsule(owner.get(), [](void* p) noexcept { delete static_cast<Buffer*>(p); });
  static_cast<void>(owner.release());
  return nb::cast(nb::ndarray<nb::numpy>(data, tensor.shape.rank(), shape.data(), capsule, nullptr, type));
}

nb::list to_list(std::vector<Tensor>&& tensors) {
  nb::list list;
  for (Tensor& t : tensors) list.append(to_numpy(std::move(t)));
  return list;
}

}  // namespace ez_rknn::python
