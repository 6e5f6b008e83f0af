#pragma once
#include <nanobind/nanobind.h>

#include "ez_rknn/pipeline.hpp"

namespace ez_rknn::python {

/// ez_rknn::Pipeline for numpy arrays. Keeps what it needs of the model: its session may be closed before it.
class PyPipeline {
 public:
  PyPipeline(const Session& session, int depth, const RunOptions& options)
      : inputs_(session.inputs()), pipeline_(session, depth, options) {}

  nanobind::object push(nanobind::handle feed);
  nanobind::object pop();
  nanobind::list flush();
  void clear();
  const Pipeline& get() const { return pipeline_; }

 private:
  const std::vector<TensorInfo> inputs_;
  Pipeline pipeline_;
};

/// Adds the class `Pipeline` to the module.
void bind_pipeline(nanobind::module_& m);

}  // namespace ez_rknn::python
