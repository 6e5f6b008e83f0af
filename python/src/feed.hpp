#pragma once
/// The arguments of run(): which outputs, which inputs, which options of this call.
#include <nanobind/nanobind.h>

#include <optional>
#include <vector>

#include "arrays.hpp"
#include "ez_rknn/options.hpp"

namespace ez_rknn::python {

/// None: all (empty). A sequence of names, in any order, with repeats; empty: all.
/// @throws InvalidArgument for a name the model does not have (lists those it has), InvalidType for no sequence
std::vector<int> output_indexes(const std::vector<TensorInfo>& outputs, nanobind::handle names);

/// A dict by name, a list or tuple in model order, or one array for a model with one input.
/// @throws InvalidArgument, InvalidType
void read_feed(const std::vector<TensorInfo>& inputs, nanobind::handle feed, BorrowedArrays& arrays);

struct CallOptions {
  bool dispatch_batch = false;
  std::optional<OutputType> output_type;
};
/// None, a dict, or an object with get_run_config_entry(key); what is none of them is ignored.
CallOptions read_run_options(nanobind::handle run_options);

}  // namespace ez_rknn::python
