/// Engine::run_batch: one task a sample, each writing its slice of the final arrays.
#include "ez_rknn/error.hpp"
#include "session/call_check.hpp"
#include "session/engine.hpp"

namespace ez_rknn {
namespace {

struct Sample {
  std::vector<InputView> inputs;
  std::vector<Tensor> results;
  Request request;
};

std::vector<InputView> nth_sample(const std::vector<InputView>& first, std::size_t n) {
  std::vector<InputView> inputs = first;
  for (InputView& in : inputs)
    in.data =
        static_cast<const std::byte*>(in.data) + n * static_cast<std::size_t>(in.shape.elements()) * size_of(in.type);
  return inputs;
}

Tensor slice(const Tensor& whole, std::size_t n, std::size_t count) {
  const std::size_t bytes = whole.buffer.bytes / count;
  Tensor t;
  t.buffer = {std::shared_ptr<std::byte>(whole.buffer.memory, whole.buffer.data() + n * bytes), bytes};
  return t;
}

Shape repeated(Shape shape, std::size_t count) {
  if (shape.rank() == 0) return {static_cast<std::int64_t>(count)};
  shape[0] *= static_cast<std::int64_t>(count);
  return shape;
}

/// The same error, of the same class, saying which sample it was.
[[noreturn]] void rethrow_for_sample(std::size_t n, std::size_t count, const std::exception_ptr& error) {
  const std::string where = "sample " + std::to_string(n) + " of " + std::to_string(count) + ": ";
  try {
    std::rethrow_exception(error);
  } catch (const DeviceError& e) { throw DeviceError(e.rknn_ret, where + e.what()); } catch (const QueueFull& e) {
    throw QueueFull(where + e.what());
  } catch (const Closed& e) { throw Closed(where + e.what()); } catch (const std::exception& e) {
    throw Error(Code::fail, where + e.what());
  }
}

/// Results of a dynamic model have a size only afterwards: put together here.
std::vector<Tensor> join(const std::vector<Sample>& samples, BufferPool& buffers) {
  std::vector<Tensor> wholes;
  for (std::size_t k = 0; k < samples.front().results.size(); ++k) {
    Tensor whole = samples.front().results[k];
    const std::size_t bytes = whole.buffer.bytes;
    whole.buffer = buffers.take(bytes * samples.size());
    whole.shape = repeated(whole.shape, samples.size());
    for (std::size_t n = 0; n < samples.size(); ++n)
      std::copy_n(samples[n].results[k].buffer.data(), bytes, whole.buffer.data() + n * bytes);
    wholes.push_back(std::move(whole));
  }
  return wholes;
}

}  // namespace

/// The arrays the samples write into, for a model whose output sizes are known beforehand.
std::vector<Tensor> Engine::batch_results(const RunOptions& options, std::size_t samples) {
  std::vector<Tensor> wholes(result_count(options));
  for (std::size_t k = 0; k < wholes.size(); ++k) {
    const auto i = options.outputs.empty() ? k : static_cast<std::size_t>(options.outputs[k]);
    const rknn_tensor_attr& attr = model_.output_attrs[i];
    const bool to_float = output_type(options) == OutputType::float32;
    wholes[k].type = to_float ? ElementType::float32 : model_.outputs[i].native_type;
    wholes[k].shape = repeated(shape_of(attr), samples);
    wholes[k].buffer = buffers_->take(output_bytes(attr, output_type(options)) * samples);
  }
  return wholes;
}

std::vector<Tensor> Engine::run_batch(std::span<const InputView> inputs, const RunOptions& options) {
  check_outputs(model_, options.outputs);
  std::vector<InputView> first;
  const std::size_t count = check_batch(model_, inputs, first);
  const std::size_t set = check_inputs(model_, first);
  std::vector<Tensor> wholes;
  if (!model_.shape_sets) wholes = batch_results(options, count);

  std::vector<Sample> samples(count);
  Waiter waiter;
  std::exception_ptr refused;
  std::size_t accepted = 0;
  for (; accepted < count && !refused; ++accepted) {
    Sample& s = samples[accepted];
    s.inputs = nth_sample(first, accepted);
    s.results.resize(result_count(options));
    for (std::size_t k = 0; k < wholes.size(); ++k) s.results[k] = slice(wholes[k], accepted, count);
    fill(s.request, s.inputs, options, set);
    s.request.results = s.results;
    try {
      scheduler_->submit(s.request, &waiter);
    } catch (...) {
      refused = std::current_exception();
      break;
    }
  }
  scheduler_->wait(waiter);  // also after a refusal: those accepted use the caller's memory
  for (std::size_t n = 0; n < accepted; ++n)
    if (samples[n].request.error) rethrow_for_sample(n, count, samples[n].request.error);
  if (refused) rethrow_for_sample(accepted, count, refused);
  return model_.shape_sets ? join(samples, *buffers_) : wholes;
}

}  // namespace ez_rknn
