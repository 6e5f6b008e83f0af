#pragma once
/// EZ_RKNN_DUMP=FOLDER: every run of the software NPU leaves the values of its tensors there, for accuracy analysis.
#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "npu/exec/program.hpp"

namespace ez_rknn::npurt {

/// Each run makes FOLDER/run-<n>, n counting the runs of the process from 1: one <k>.npy a tensor (real values as
/// float32 in logical order, the samples of a batch along the first axis), and index.json, a list of {"file", "tensor",
/// "dtype" as the NPU computes with it, "scale" and "zero_point" where quantised}. The index is written last.
class TensorDump {
 public:
  /// Null when the variable is not set or empty. The context must live as long as the dump.
  static std::unique_ptr<TensorDump> from_environment(npu::Context& context);

  /// Forgets what an earlier run showed.
  void begin();
  /// What the run since then showed. @throws Error naming the file that cannot be written
  void write();

 private:
  explicit TensorDump(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void take(const file::Tensor& tensor, const ConstTensorView& view);

  struct Value {
    const file::Tensor* tensor = nullptr;
    std::vector<std::int64_t> shape;
    std::vector<float> numbers;
  };
  const std::filesystem::path folder_;
  std::vector<Value> values_;  ///< in the order they were made
  std::map<const file::Tensor*, std::size_t> place_;
};

}  // namespace ez_rknn::npurt
