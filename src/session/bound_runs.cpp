/// The engine's bound runs: tasks like the others, whose inputs and outputs lie elsewhere.
#include "session/bound_call.hpp"
#include "session/engine.hpp"

namespace ez_rknn {

void Engine::run(const std::shared_ptr<BoundCall>& call, const RunOptions& options) {
  if (options.timeout) {  // as Engine::run: the caller may leave before the runtime does
    const auto task = std::make_shared<FutureTask>();
    fill(*task, options, call->shape_set);
    task->engine = weak_from_this();
    task->hold(call);
    scheduler_->submit(*task, IfFull::wait);
    wait_for(task);
    return;
  }
  Request request;
  fill(request, options, call->shape_set);
  request.bound = call.get();
  scheduler_->run(request);
  if (request.error) std::rethrow_exception(request.error);
}

void Engine::run_async(const std::shared_ptr<BoundCall>& call, BoundCallback done, const RunOptions& options) {
  callbacks_.start();
  const auto task = std::make_shared<CallbackTask>(
      callbacks_, [call, done = std::move(done)](std::vector<Tensor>, std::exception_ptr error) {
        done(error ? std::vector<Value>{} : call->results(), std::move(error));
      });
  fill(*task, options, call->shape_set);
  task->engine = weak_from_this();
  task->timed = task->deadline.has_value();
  task->hold(call);
  task->bounded = !callbacks_.on_callback_thread();
  scheduler_->submit(*task, IfFull::wait);
}

}  // namespace ez_rknn
