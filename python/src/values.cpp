#include "values.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <memory>

#include "arrays.hpp"
#include "dict_of.hpp"
#include "ez_rknn/error.hpp"
#include "ez_rknn/value.hpp"
#include "gil.hpp"
#include "session.hpp"
#include "text.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace ez_rknn::python {
namespace {

using Dims = std::vector<std::int64_t>;

Shape shape_of(const Dims& dims) {
  if (dims.size() > Shape::kMax)
    throw InvalidArgument(std::to_string(dims.size()) + " dimensions given, 16 at most accepted");
  return Shape(std::span(dims));
}
Dims dims_of(const Shape& s) { return {s.begin(), s.end()}; }

/// Keeps a Python object on behalf of whatever thread drops it last.
template <class T>
std::shared_ptr<void> with_gil(T&& owned) {
  return std::shared_ptr<T>(new T(std::forward<T>(owned)), [](T* p) {
    WithGil gil;
    delete p;
  });
}

nb::dlpack::dtype dlpack_type_of(ElementType type) {
  using C = nb::dlpack::dtype_code;
  C code = C::Int;
  switch (type) {
    case ElementType::float32:
    case ElementType::float16:
    case ElementType::float64: code = C::Float; break;
    case ElementType::bfloat16: code = C::Bfloat; break;
    case ElementType::boolean: code = C::Bool; break;
    case ElementType::uint8:
    case ElementType::uint16:
    case ElementType::uint32: code = C::UInt; break;
    default: break;
  }
  return {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(8 * size_of(type)), 1};
}

std::optional<ElementType> type_of_dlpack(nb::dlpack::dtype given) {
  for (int i = 0; i <= static_cast<int>(ElementType::float64); ++i) {
    const auto type = static_cast<ElementType>(i);
    const auto d = dlpack_type_of(type);
    if (type != ElementType::int4 && d.code == given.code && d.bits == given.bits && given.lanes == 1) return type;
  }
  return std::nullopt;
}

template <class Array>
std::optional<Value> from_array(nb::handle source) {
  Array array;
  if (!nb::try_cast(source, array, false)) return std::nullopt;
  const auto type = type_of_dlpack(array.dtype());
  if (!type) throw InvalidType("a tensor of a type that no model takes given");
  Dims dims;
  for (std::size_t i = 0; i < array.ndim(); ++i) dims.push_back(static_cast<std::int64_t>(array.shape(i)));
  auto* data = array.data();
  return Value::borrow(data, *type, shape_of(dims), with_gil(std::move(array)));
}

/// A dense tensor on the CPU, without a copy: numpy arrays, DLPack producers and capsules.
Value from_object(nb::handle source) {
  if (auto value = from_array<nb::ndarray<nb::c_contig, nb::device::cpu>>(source)) return *value;
  if (auto value = from_array<nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>>(source)) return *value;
  throw InvalidType(type_of(source) +
                    " given; accepted: a dense tensor in CPU memory: a numpy array, an object with __dlpack__, or a "
                    "DLPack capsule");
}

/// The same memory as an array. @throws Unsupported for NC1HWC2 of several groups, which no array can describe
template <class... Kind>
nb::object array_of(const Value& value) {
  const ValueMemory info = value.memory();
  const Shape& shape = value.shape();
  if (info.strides.rank() != shape.rank())
    throw Unsupported(
        "the value lies in NC1HWC2 with several groups of channels, which no array can describe; "
        "accepted: numpy(), a copy");
  std::array<std::size_t, Shape::kMax> dims{};
  std::array<std::int64_t, Shape::kMax> strides{};
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    dims[i] = static_cast<std::size_t>(shape[i]);
    strides[i] = info.strides[i];
  }
  auto owner = std::make_unique<Value>(value);
  nb::capsule capsule(owner.get(), [](void* p) noexcept { delete static_cast<Value*>(p); });
  static_cast<void>(owner.release());
  return nb::cast(nb::ndarray<Kind...>(value.data(), shape.rank(), dims.data(), capsule, strides.data(),
                                       dlpack_type_of(value.type())));
}

void need_numpy_type(const Value& v) {
  if (v.type() == ElementType::bfloat16 || v.type() == ElementType::int4)
    throw Unsupported(std::string("numpy has no type for ") + name_of(v.type()) + "; accepted: __dlpack__");
}

nb::object view(const Value& v) {
  need_numpy_type(v);
  return v.read_only() ? array_of<nb::numpy, nb::ro>(v) : array_of<nb::numpy>(v);
}
nb::object exchange(const Value& v) {
  if (v.type() == ElementType::int4) throw Unsupported("DLPack has no type for int4");
  return v.read_only() ? array_of<nb::array_api, nb::ro>(v) : array_of<nb::array_api>(v);
}

nb::object read(const Value& v) {
  need_numpy_type(v);
  Tensor t;
  {
    WithoutGil nogil;
    t = v.read();
  }
  return to_numpy(std::move(t));
}

void write(Value& v, nb::handle array) {
  BorrowedArrays arrays;
  arrays.add("data", array);
  WithoutGil nogil;
  v.write(arrays.views()[0]);
}

nb::dict memory_info(const Value& v) {
  const ValueMemory m = v.memory();
  return dict_of("device_type"_a = name_of(m.device), "device_id"_a = 0, "size"_a = m.tensor_bytes,
                 "aligned_size"_a = m.bytes, "attr_size"_a = m.tensor_bytes, "size_with_stride"_a = m.strided_bytes,
                 "virt_addr"_a = reinterpret_cast<std::uintptr_t>(m.address), "offset"_a = m.offset, "fd"_a = m.fd,
                 "dmabuf_backed"_a = m.is_dmabuf, "import_count"_a = m.imports, "fmt"_a = name_of(m.layout),
                 "layout"_a = name_of(m.layout), "w_stride"_a = m.w_stride, "h_stride"_a = m.h_stride,
                 "pass_through"_a = m.pass_through, "strides"_a = dims_of(m.strides));
}

PortOptions port_options(const std::optional<std::string>& type, const std::optional<Dims>& shape, int flags,
                         const std::string& order, std::int64_t w_stride, std::int64_t h_stride) {
  PortOptions o;
  o.type = element_type_of(type);
  if (shape) o.shape = shape_of(*shape);
  o.flags = static_cast<MemoryFlags>(flags);
  o.form.order = order == "nhwc"    ? MemoryForm::Order::nhwc
                 : order == "dense" ? MemoryForm::Order::dense
                                    : MemoryForm::Order::native;
  o.form.w_stride = w_stride;
  o.form.h_stride = h_stride;
  return o;
}

ForeignMemory foreign(int fd, std::uint64_t bytes, std::uint64_t offset, std::uintptr_t address) {
  return {fd, bytes, offset, reinterpret_cast<void*>(address)};
}

IoKind kind_of(const std::string& kind) {
  if (kind == "input") return IoKind::input;
  if (kind == "output") return IoKind::output;
  throw InvalidArgument("io_kind: \"" + kind + "\" given; accepted: \"input\", \"output\"");
}

}  // namespace

ElementType element_type_of(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(ElementType::float64); ++i)
    if (name == name_of(static_cast<ElementType>(i))) return static_cast<ElementType>(i);
  throw InvalidType("element type " + name +
                    " given; accepted: float32, float16, bfloat16, float64, int8, uint8, "
                    "int16, uint16, int32, uint32, int64, bool");
}

std::optional<ElementType> element_type_of(const std::optional<std::string>& name) {
  return name ? std::optional(element_type_of(*name)) : std::nullopt;
}

void bind_values(nb::module_& m) {
  nb::class_<Value>(m, "Value")
      .def_static("allocate", [](const std::string& type,
                                 const Dims& shape) { return Value::allocate(element_type_of(type), shape_of(shape)); })
      .def_static("wrap", &from_object)
      .def_static("wrap_as",
                  [](nb::handle array, const std::string& type) {
                    const Value v = from_object(array);
                    const ElementType t = element_type_of(type);
                    if (size_of(t) != size_of(v.type()))
                      throw InvalidType(std::string("elements of ") + name_of(v.type()) + " given, " + name_of(t) +
                                        " has another size");
                    const auto owner = std::make_shared<Value>(v);
                    return v.read_only() ? Value::borrow(static_cast<const void*>(v.data()), t, v.shape(), owner)
                                         : Value::borrow(v.data(), t, v.shape(), owner);
                  })
      .def_static("at_address",
                  [](std::uintptr_t address, const std::string& type, const Dims& shape) {
                    return Value::borrow(reinterpret_cast<void*>(address), element_type_of(type), shape_of(shape));
                  })
      .def_static(
          "for_port",
          [](nb::handle session, const std::string& kind, const std::string& name,
             const std::optional<std::string>& type, const std::optional<Dims>& shape, int flags,
             const std::string& order) {
            const PortOptions options = port_options(type, shape, flags, order, 0, 0);
            const Session& s = session_of(session);
            WithoutGil nogil;
            return Value::for_port(s, kind_of(kind), name, options);
          },
          "session"_a, "kind"_a, "name"_a, "type"_a.none(), "shape"_a.none(), "flags"_a, "order"_a)
      .def_static(
          "for_port_fd",
          [](nb::handle session, const std::string& kind, const std::string& name, int fd, std::uint64_t bytes,
             std::uint64_t offset, std::uintptr_t address, const std::optional<std::string>& type,
             const std::optional<Dims>& shape, const std::string& order, std::int64_t w_stride, std::int64_t h_stride) {
            return Value::for_port(session_of(session), kind_of(kind), name, foreign(fd, bytes, offset, address),
                                   port_options(type, shape, 0, order, w_stride, h_stride));
          },
          "session"_a, "kind"_a, "name"_a, "fd"_a, "bytes"_a, "offset"_a, "address"_a, "type"_a.none(),
          "shape"_a.none(), "order"_a, "w_stride"_a, "h_stride"_a)
      .def_static("on_device",
                  [](const std::string& type, const Dims& shape, int flags) {
                    return Value::on_device(element_type_of(type), shape_of(shape), static_cast<MemoryFlags>(flags));
                  })
      .def_static("from_fd",
                  [](const std::string& type, const Dims& shape, int fd, std::uint64_t bytes, std::uint64_t offset,
                     std::uintptr_t address, const std::string& order, std::int64_t w_stride, std::int64_t h_stride) {
                    return Value::from_fd(element_type_of(type), shape_of(shape), foreign(fd, bytes, offset, address),
                                          port_options({}, {}, 0, order, w_stride, h_stride).form);
                  })
      .def("type", [](const Value& v) { return name_of(v.type()); })
      .def("onnx_type", [](const Value& v) { return onnx_name_of(v.type()); })
      .def("shape", [](const Value& v) { return dims_of(v.shape()); })
      .def("device", [](const Value& v) { return name_of(v.device()); })
      .def("bytes", &Value::bytes)
      .def("data_ptr", [](const Value& v) { return reinterpret_cast<std::uintptr_t>(v.data()); })
      .def("read_only", &Value::read_only)
      .def("quantisation",
           [](const Value& v) -> nb::object {
             const auto q = v.quantisation();
             return q ? nb::object(nb::make_tuple(q->scale, q->zero_point)) : nb::none();
           })
      .def("memory_info", &memory_info)
      .def("view", &view)
      .def("exchange", &exchange)
      .def("read", &read)
      .def("write", &write)
      .def(
          "write_value", [](Value& v, const Value& from) { v.write(from); }, nb::call_guard<WithoutGil>())
      .def("sync_to_device", &Value::sync_to_device, nb::call_guard<WithoutGil>())
      .def("sync_from_device", &Value::sync_from_device, nb::call_guard<WithoutGil>());
}

}  // namespace ez_rknn::python
