/// Engine::run_batch: one task a sample, each writing its slice of the final arrays.
#include <new>

#include "ez_rknn/error.hpp"
#include "session/call_check.hpp"
#include "session/engine.hpp"

namespace ez_rknn {
namespace {

using Results = std::vector<Tensor>;

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
  } catch (const Closed& e) { throw Closed(where + e.what()); } catch (const Cancelled& e) {
    throw Cancelled(where + e.what());
  } catch (const Timeout& e) { throw Timeout(where + e.what()); } catch (const std::exception& e) {
    throw Error(Code::fail, where + e.what());
  }
}

/// Results of a dynamic model have a size only afterwards: put together here.
Results join(const std::vector<Results>& samples, BufferPool& buffers) {
  Results wholes;
  for (std::size_t k = 0; k < samples.front().size(); ++k) {
    Tensor whole = samples.front()[k];
    const std::size_t bytes = whole.buffer.bytes;
    whole.buffer = buffers.take(bytes * samples.size());
    whole.shape = repeated(whole.shape, samples.size());
    for (std::size_t n = 0; n < samples.size(); ++n)
      std::copy_n(samples[n][k].buffer.data(), bytes, whole.buffer.data() + n * bytes);
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
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(output_bytes(attr, output_type(options)), samples, &bytes)) throw std::bad_alloc();
    wholes[k].buffer = buffers_->take(bytes);
  }
  return wholes;
}

std::vector<Tensor> Engine::run_batch(std::span<const InputView> inputs, const RunOptions& options) {
  check_outputs(model_, options.outputs);
  std::vector<InputView> first;
  const std::size_t count = check_batch(model_, inputs, first);
  const std::size_t set = check_inputs(model_, first);
  Results wholes;
  if (!model_.shape_sets) wholes = batch_results(options, count);

  std::vector<std::shared_ptr<FutureTask>> samples;
  std::exception_ptr error;
  std::size_t at = 0;  // the first sample that went wrong
  const auto note = [&](std::size_t n) {
    if (!error) error = std::current_exception(), at = n;
  };
  try {
    for (std::size_t n = 0; n < count; ++n) {
      auto task = std::make_shared<FutureTask>();
      fill(*task, options, set);
      if (n) task->deadline = samples.front()->deadline;  // one limit for the whole call
      const auto own = nth_sample(first, n);
      if (options.timeout) task->hold(own, options.outputs, result_count(options), *buffers_);
      else task->borrow(own, options.outputs, result_count(options));
      for (std::size_t k = 0; k < wholes.size(); ++k) task->own_results()[k] = slice(wholes[k], n, count);
      scheduler_->submit(*task, IfFull::wait);
      samples.push_back(std::move(task));
    }
  } catch (...) { note(samples.size()); }
  std::vector<Results> results(samples.size());
  for (std::size_t n = 0; n < samples.size(); ++n) try {  // all of them, also after an error: they may use our memory
      results[n] = wait_for(samples[n]);
    } catch (...) {
      if (n < at) error = nullptr;
      note(n);
    }
  if (error) rethrow_for_sample(at, count, error);
  return model_.shape_sets ? join(results, *buffers_) : wholes;
}

}  // namespace ez_rknn
