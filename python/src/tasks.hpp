#pragma once
#include <nanobind/nanobind.h>

namespace ez_rknn::python {

/// Adds the classes of tasks under way: `Task` (its outcome goes to a callable) and `Pending` (its outcome is fetched).
void bind_tasks(nanobind::module_& m);

}  // namespace ez_rknn::python
