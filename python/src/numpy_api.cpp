#include "numpy_api.hpp"

#include <array>
#include <string>

#include "ez_rknn/error.hpp"

namespace nb = nanobind;

namespace ez_rknn::python {
namespace {

// The layouts and places below are numpy's ABI: the same in all of 1.x and 2.x.

struct Descriptor {
  PyObject head;
  PyTypeObject* scalar;
  char kind, letter, byte_order, flags;
  int number;
};

struct Array {
  PyObject head;
  char* data;
  int rank;
  Py_ssize_t* dimensions;
  Py_ssize_t* strides;
  PyObject* base;
  Descriptor* descriptor;
  int flags;
};
constexpr int kDense = 0x0001, kAligned = 0x0100, kWritable = 0x0400;

struct Api {
  PyTypeObject* array;
  PyObject* (*make)(PyTypeObject* type, int rank, const Py_ssize_t* dimensions, int number, const Py_ssize_t* strides,
                    void* data, int item_size, int flags, PyObject* subtype_argument);
  int (*set_base)(PyObject* array, PyObject* base);  ///< takes the reference, also when it fails
};

/// Looked up once and kept for the life of the process, as numpy itself is.
Api load() {
  nb::object module;
  try {
    module = nb::module_::import_("numpy._core.multiarray");
  } catch (const nb::python_error&) { module = nb::module_::import_("numpy.core.multiarray"); }  // before numpy 2
  const nb::object capsule = module.attr("_ARRAY_API");
  auto** table = static_cast<void**>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
  if (!table) throw nb::python_error();
  const unsigned version = reinterpret_cast<unsigned (*)()>(table[0])();
  if (version >> 24 != 1 && version >> 24 != 2)
    throw Unsupported("numpy's binary interface is version " + std::to_string(version >> 24) + "; accepted: 1 and 2");
  return {static_cast<PyTypeObject*>(table[2]), reinterpret_cast<decltype(Api::make)>(table[93]),
          reinterpret_cast<decltype(Api::set_base)>(table[282])};
}

const Api& api() {
  static const Api table = load();
  return table;
}

/// numpy's numbers, on a system whose long has 64 bits; those left out run() does not take.
struct Row {
  int number;
  ElementType type;
};
constexpr Row kTypes[] = {{11, ElementType::float32}, {23, ElementType::float16}, {12, ElementType::float64},
                          {1, ElementType::int8},     {2, ElementType::uint8},    {3, ElementType::int16},
                          {4, ElementType::uint16},   {5, ElementType::int32},    {6, ElementType::uint32},
                          {7, ElementType::int64},    {9, ElementType::int64},    {0, ElementType::boolean}};
static_assert(sizeof(long) == 8 && sizeof(int) == 4);

std::optional<ElementType> type_of_number(int number) {
  for (const Row& row : kTypes)
    if (row.number == number) return row.type;
  return std::nullopt;
}

int number_of(ElementType type) {
  for (const Row& row : kTypes)
    if (row.type == type) return row.number;
  throw Unsupported(std::string("numpy has no type for the output's ") + name_of(type) +
                    "; output_dtype=\"float32\" converts it");
}

}  // namespace

bool is_ndarray(nb::handle value) { return PyObject_TypeCheck(value.ptr(), api().array); }

ArrayFacts facts_of(nb::handle array) {
  const Array& a = *reinterpret_cast<const Array*>(array.ptr());
  const Descriptor& d = *a.descriptor;
  const bool native = d.byte_order != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '>' : '<');
  return {a.data, native ? type_of_number(d.number) : std::nullopt,
          std::span<const Py_ssize_t>(a.dimensions, static_cast<std::size_t>(a.rank)), (a.flags & kDense) != 0};
}

nb::object make_array(ElementType type, const Shape& shape, void* data, nb::object owner) {
  const int number = number_of(type);
  std::array<Py_ssize_t, Shape::kMax> dimensions{};
  std::copy(shape.begin(), shape.end(), dimensions.begin());
  nb::object array = nb::steal(api().make(api().array, static_cast<int>(shape.rank()), dimensions.data(), number,
                                          nullptr, data, 0, kDense | kAligned | kWritable, nullptr));
  if (!array.is_valid() || api().set_base(array.ptr(), owner.release().ptr()) < 0) throw nb::python_error();
  return array;
}

}  // namespace ez_rknn::python
