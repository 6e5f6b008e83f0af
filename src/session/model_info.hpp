#pragma once
/// What a loaded model says about itself, asked once, in the terms of this library.
#include <string>
#include <vector>

#include "ez_rknn/options.hpp"
#include "ez_rknn/session.hpp"
#include "ez_rknn/tensor.hpp"
#include "session/context.hpp"

namespace ez_rknn {

/// How an input travels from the caller to rknn_inputs_set.
struct InputPlan {
  rknn_tensor_attr attr{};
  rknn_tensor_format send_format = RKNN_TENSOR_UNDEFINED;
  bool caller_nchw = false;  ///< the caller's 4-D order is NCHW while the runtime's is NHWC
  bool reorder = false;      ///< the engine itself turns NCHW into NHWC before the call
};

/// How memory given to rknn_set_io_mem may hold an input or output.
struct PortInfo {
  rknn_tensor_attr logical{};         ///< the interface's own description
  std::vector<rknn_tensor_attr> own;  ///< layouts of the model's own numbers; first the one zero_copy_layout asks for
};

struct ModelInfo {
  std::vector<TensorInfo> inputs, outputs, native_inputs, native_outputs;
  std::vector<PortInfo> input_ports, output_ports;  ///< of the model's first shapes
  std::vector<InputPlan> input_plans;
  std::vector<rknn_tensor_attr> output_attrs;
  /// Dynamic models: how many combinations of input shapes there are; combination k is dynamic_shapes[k] of every
  /// input together. 0 for a static model.
  std::size_t shape_sets = 0;
  /// rknn_set_input_shapes wants the runtime's own order; [set][input].
  std::vector<std::vector<rknn_tensor_attr>> shape_attrs;
  std::string custom_string, runtime_version, driver_version;
  MemoryInfo memory;
};

/// @throws DeviceError, Unsupported (numbers beyond all reason)
ModelInfo read_model_info(const Context& context, const SessionOptions& options);

/// The ports of the shapes that are selected in the context now.
PortInfo current_port(const Context& context, bool input, std::uint32_t index, ZeroCopyLayout layout);

/// Whether a runtime's version text ("1.3.0 (...)") is below 1.4.0. Later ones share all the structs that are used
/// here; text that does not begin with a version tells nothing.
bool is_older_than_the_interface(const std::string& version);

/// The ABI's element type in ours. @throws Unsupported for a number unknown to us
ElementType element_type(rknn_tensor_type type);
/// The ABI's number for a type run() may be given (never float64, int4, bfloat16).
rknn_tensor_type rknn_type(ElementType type);

Shape shape_of(const rknn_tensor_attr& attr);
/// Bytes of an output of this attribute as rknn_outputs_get writes it.
std::size_t output_bytes(const rknn_tensor_attr& attr, OutputType type);

}  // namespace ez_rknn
