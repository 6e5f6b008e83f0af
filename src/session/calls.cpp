/// The engine's calls: check, make a request, hand it to the scheduler.
#include "ez_rknn/error.hpp"
#include "session/call_check.hpp"
#include "session/cancellation.hpp"
#include "session/engine.hpp"

namespace ez_rknn {

/// What of the call must be right before anything else happens. @return the shape set
std::size_t Engine::check(std::span<const InputView> inputs, const RunOptions& options) const {
  check_outputs(model_, options.outputs);
  return check_inputs(model_, inputs);
}

void Engine::fill(Request& request, const RunOptions& options, std::size_t shape_set) {
  request.output_type = output_type(options);
  request.shape_set = shape_set;
  if (options.timeout) {
    if (options.timeout->count() <= 0)
      throw InvalidArgument("timeout: " + std::to_string(options.timeout->count()) +
                            " ns given; accepted: a duration above 0");
    request.deadline = time_after(*options.timeout);
  }
  if (options.cancellation) {
    request.group = options.cancellation->state();
    request.group->watch(shared_from_this());
  }
}

std::vector<Tensor> Engine::run(std::span<const InputView> inputs, const RunOptions& options) {
  const std::size_t set = check(inputs, options);
  if (options.timeout) {  // the caller may leave before the runtime does: on its own thread or memory it could not
    const auto task = future_task(inputs, options);
    scheduler_->submit(*task, IfFull::wait);
    return wait_for(task);
  }
  std::vector<Tensor> results(result_count(options));
  Request request;
  fill(request, options, set);
  request.inputs = inputs;
  request.outputs = options.outputs;
  request.results = results;
  scheduler_->run(request);
  if (request.error) std::rethrow_exception(request.error);
  return results;
}

/// A checked call as a task that owns its inputs.
std::shared_ptr<FutureTask> Engine::future_task(std::span<const InputView> inputs, const RunOptions& options) {
  const std::size_t set = check(inputs, options);
  auto task = std::make_shared<FutureTask>();
  fill(*task, options, set);
  task->engine = weak_from_this();
  task->hold(inputs, options.outputs, result_count(options), *buffers_);
  return task;
}

/// The result; once the task's time is up its error.
std::vector<Tensor> Engine::wait_for(const std::shared_ptr<FutureTask>& task) {
  if (!task->deadline) task->wait();
  else if (!task->wait_until(*task->deadline)) scheduler_->expire(*task);
  task->wait();  // expire() has given the answer, unless the result came at that moment
  return task->take();
}

Future Engine::submit(std::span<const InputView> inputs, const RunOptions& options) {
  auto task = future_task(inputs, options);
  task->timed = task->deadline.has_value();
  scheduler_->submit(*task, IfFull::wait);
  return Future(std::move(task));
}

void Engine::run_async(std::span<const InputView> inputs, Callback done, const RunOptions& options) {
  launch(callbacks_, inputs, std::move(done), options, IfFull::wait);
}

TaskHandle Engine::post(std::span<const InputView> inputs, Callback done, const RunOptions& options, IfFull if_full) {
  return launch(completions_, inputs, std::move(done), options, if_full);
}

TaskHandle Engine::launch(Delivery& to, std::span<const InputView> inputs, Callback done, const RunOptions& options,
                          IfFull if_full) {
  const std::size_t set = check(inputs, options);
  to.start();
  const auto task = std::make_shared<CallbackTask>(to, std::move(done));
  fill(*task, options, set);
  task->engine = weak_from_this();
  task->timed = task->deadline.has_value();
  // On the callback thread a wait for callbacks could never end: nobody else takes them.
  task->bounded = &to == &callbacks_ && !callbacks_.on_callback_thread();
  task->hold(inputs, options.outputs, result_count(options), *buffers_);
  scheduler_->submit(*task, if_full);
  return TaskHandle(task);
}

bool Engine::withdraw(Task& task, Answer answer) {
  if (answer == Answer::none) return scheduler_->withdraw(task, nullptr);
  return scheduler_->withdraw(task, std::make_exception_ptr(Cancelled("cancelled before it began")));
}

/// Zeros through every worker: what a runtime does on first use is done then.
void Engine::warm_up(int runs) {
  if (runs < 1) throw InvalidArgument("runs " + std::to_string(runs) + " given, 1 or more accepted");
  std::vector<InputView> zeros;
  std::vector<std::vector<std::byte>> memory;
  for (const TensorInfo& input : model_.inputs) {
    const Shape& shape = input.dynamic_shapes.empty() ? input.shape : input.dynamic_shapes.front();
    memory.emplace_back(static_cast<std::size_t>(shape.elements()) * sizeof(float));
    zeros.push_back({memory.back().data(), ElementType::float32, shape});
  }
  scheduler_->visit([&](Executor& executor) {
    for (int k = 0; k < runs; ++k) {
      std::vector<Tensor> results(model_.outputs.size());
      Request request;
      request.inputs = zeros;
      request.output_type = options_.output_type;
      request.results = results;
      executor.execute(request);
      if (request.error) std::rethrow_exception(request.error);
    }
  });
}

}  // namespace ez_rknn
