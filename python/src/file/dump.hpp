#pragma once
/// Everything a file holds but the weights themselves, for `ez-rknn dump`.
#include <nanobind/nanobind.h>

#include "rknn_file/model.hpp"

namespace ez_rknn::python {

/// Per graph: tensors, nodes with attributes, tasks with their register commands as text. Indices as in the file.
/// @param disassemble  give the commands of tasks; for a chip nobody knows they stay out
nanobind::list dump_graphs(const file::Model& model, bool disassemble);

}  // namespace ez_rknn::python
