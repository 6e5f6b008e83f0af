#pragma once
/// How one call differs from the session's settings: ONNX Runtime's RunOptions, a dict, or an object that looks alike.
#include <nanobind/nanobind.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "ez_rknn/cancellation.hpp"
#include "ez_rknn/options.hpp"

namespace ez_rknn::python {

struct CallOptions {
  bool dispatch_batch = false;
  std::optional<OutputType> output_type;
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<Cancellation> cancellation;

  /// For calls that run one task. @param what  is called @throws Unsupported when the batch option is set
  void refuse_batch(const char* what) const;
};

/// None, RunOptions, a dict, or an object with get_run_config_entry(key); what is none of them is ignored.
/// @param timeout  seconds, or None; goes before the entry timeout_ms
/// @throws InvalidArgument, InvalidType
CallOptions read_run_options(nanobind::handle run_options, nanobind::handle timeout);

/// A time limit in seconds. @throws InvalidType, InvalidArgument (not above 0)
std::chrono::nanoseconds seconds_of(nanobind::handle value);

/// Adds the class RunOptions to the module.
void bind_run_options(nanobind::module_& m);

}  // namespace ez_rknn::python
