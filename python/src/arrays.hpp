#pragma once
/// Arrays in both directions, without a copy where numpy's memory layout allows it.
#include <nanobind/nanobind.h>

#include <vector>

#include "ez_rknn/tensor.hpp"

namespace ez_rknn::python {

/// numpy arrays (or what numpy makes arrays of) lent to the engine. Made and destroyed with the GIL held; the views are
/// usable without it in between.
class BorrowedArrays {
 public:
  BorrowedArrays() = default;
  BorrowedArrays(const BorrowedArrays&) = delete;
  BorrowedArrays& operator=(const BorrowedArrays&) = delete;

  void reserve(std::size_t n);
  /// @throws InvalidType (a dtype that is not accepted), InvalidArgument (nothing numpy makes an array of)
  void add(const std::string& name, nanobind::handle value);
  std::span<const InputView> views() const { return views_; }

 private:
  std::vector<nanobind::object> arrays_;
  std::vector<InputView> views_;
};

/// A numpy array that owns the tensor's buffer.
nanobind::object to_numpy(Tensor&& tensor);
nanobind::list to_list(std::vector<Tensor>&& tensors);

}  // namespace ez_rknn::python
