#pragma once
/// The arguments of run(): which outputs, which inputs.
#include <nanobind/nanobind.h>

#include <vector>

#include "arrays.hpp"

namespace ez_rknn::python {

/// None: all (empty). A sequence of names, in any order, with repeats; empty: all.
/// @throws InvalidArgument for a name the model does not have (lists those it has), InvalidType for no sequence
std::vector<int> output_indexes(const std::vector<TensorInfo>& outputs, nanobind::handle names);

/// A dict by name, a list or tuple in model order, or one array for a model with one input.
/// @throws InvalidArgument, InvalidType
void read_feed(const std::vector<TensorInfo>& inputs, nanobind::handle feed, BorrowedArrays& arrays);

}  // namespace ez_rknn::python
