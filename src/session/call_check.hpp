#pragma once
/// Is what the caller gave what the model takes?
#include <span>

#include "ez_rknn/session.hpp"
#include "session/model_info.hpp"

namespace ez_rknn {

/// Which combination of input shapes the inputs have; 0 for a static model.
/// @throws InvalidArgument, InvalidType: the message holds the input's name, what was given and what is accepted
std::size_t check_inputs(const ModelInfo& model, std::span<const InputView> inputs);

/// For a batch: axis 0 of every input is the number of samples. @return that number; `sample` receives each input as
/// its first sample (data of the first, axis 0 of one)
std::size_t check_batch(const ModelInfo& model, std::span<const InputView> inputs, std::vector<InputView>& sample);

/// Indexes of outputs must exist. @throws InvalidArgument
void check_outputs(const ModelInfo& model, std::span<const int> outputs);

}  // namespace ez_rknn
