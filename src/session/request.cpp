#include "session/request.hpp"

#include <cstring>

namespace ez_rknn {

void OwningRequest::hold(std::span<const InputView> in, std::span<const int> out, std::size_t result_count,
                         BufferPool& buffers) {
  own_inputs.assign(in.begin(), in.end());
  for (InputView& input : own_inputs) {
    const auto bytes = static_cast<std::size_t>(input.shape.elements()) * size_of(input.type);
    Buffer own = buffers.take(bytes);
    if (bytes) std::memcpy(own.data(), input.data, bytes);
    input.data = own.data();
    input_data.push_back(std::move(own));
  }
  own_outputs.assign(out.begin(), out.end());
  own_results.assign(result_count, {});
  inputs = own_inputs;
  outputs = own_outputs;
  results = own_results;
}

}  // namespace ez_rknn
