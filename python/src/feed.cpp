#include "feed.hpp"

#include <cstring>
#include <string>
#include <string_view>

#include "dict_of.hpp"
#include "ez_rknn/error.hpp"
#include "numpy_api.hpp"
#include "text.hpp"

namespace nb = nanobind;

namespace ez_rknn::python {
namespace {

std::string quoted(const std::vector<TensorInfo>& tensors) {
  std::string s;
  for (const TensorInfo& t : tensors) s += (s.empty() ? "\"" : ", \"") + t.name + "\"";
  return s;
}

std::string_view text(nb::handle value) {
  Py_ssize_t size = 0;
  const char* data = PyUnicode_Check(value.ptr()) ? PyUnicode_AsUTF8AndSize(value.ptr(), &size) : nullptr;
  if (!data) PyErr_Clear();
  return data ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view("\xff");  // equals no name
}

int index_of(const std::vector<TensorInfo>& outputs, nb::handle name) {
  const std::string_view wanted = text(name);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].name == wanted) return static_cast<int>(i);
  throw InvalidArgument(std::string("output ") + repr_of(name) + " does not exist; the model has: " + quoted(outputs));
}

void read_dict(const std::vector<TensorInfo>& inputs, nb::handle feed, BorrowedArrays& arrays) {
  for (const TensorInfo& input : inputs) {
    PyObject* value = PyDict_GetItemString(feed.ptr(), input.name.c_str());  // borrowed
    if (!value)
      throw InvalidArgument("input \"" + input.name + "\" is missing; given: " +
                            repr_of(nb::list(feed.attr("keys")())) + ", the model takes: " + quoted(inputs));
    arrays.add(input.name, value);
  }
  if (static_cast<std::size_t>(PyDict_Size(feed.ptr())) == inputs.size()) return;
  for (nb::handle key : nb::list(feed.attr("keys")())) {
    bool known = false;
    for (const TensorInfo& input : inputs) known |= input.name == text(key);
    if (!known)
      throw InvalidArgument(std::string("input ") + repr_of(key) +
                            " does not exist; the model takes: " + quoted(inputs));
  }
}

}  // namespace

std::vector<int> output_indexes(const std::vector<TensorInfo>& outputs, nb::handle names) {
  std::vector<int> indexes;
  if (names.is_none()) return indexes;
  if (!PySequence_Check(names.ptr()) || nb::isinstance<nb::bytes>(names))
    throw InvalidType("output_names: " + type_of(names) + " given; accepted: None or a list of names");
  if (nb::isinstance<nb::str>(names))  // one name: iterating over its letters is never what is meant
    return {index_of(outputs, names)};
  for (nb::handle name : names) indexes.push_back(index_of(outputs, name));
  return indexes;
}

void read_feed(const std::vector<TensorInfo>& inputs, nb::handle feed, BorrowedArrays& arrays) {
  arrays.reserve(inputs.size());
  if (PyDict_Check(feed.ptr())) return read_dict(inputs, feed, arrays);
  if (nb::hasattr(feed, "keys")) return read_dict(inputs, dict_of(feed), arrays);
  const bool array = is_ndarray(feed) || nb::hasattr(feed, "__array__") || nb::hasattr(feed, "__dlpack__");
  if (array) {
    if (inputs.size() != 1)
      throw InvalidArgument("one array given, the model takes " + std::to_string(inputs.size()) +
                            " inputs: " + quoted(inputs) + "; accepted: a dict by name, or a list in this order");
    return arrays.add(inputs[0].name, feed);
  }
  if (!PySequence_Check(feed.ptr()) || nb::isinstance<nb::str>(feed) || nb::isinstance<nb::bytes>(feed))
    throw InvalidType("input_feed: " + type_of(feed) +
                      " given; accepted: a dict by name, a list or tuple in model order, or one array");
  const std::size_t given = nb::len(feed);
  if (given != inputs.size())
    throw InvalidArgument(std::to_string(given) + " inputs given, the model takes " + std::to_string(inputs.size()) +
                          ": " + quoted(inputs));
  std::size_t i = 0;
  for (nb::handle value : feed) {
    if (i == inputs.size()) break;
    arrays.add(inputs[i++].name, value);
  }
}

}  // namespace ez_rknn::python
