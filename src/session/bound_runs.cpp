/// The engine's bound runs: tasks like the others, whose inputs and outputs lie elsewhere.
#include "session/bound_call.hpp"
#include "session/engine.hpp"

namespace ez_rknn {

void Engine::run(BoundCall& call) {
  Request request;
  request.bound = &call;
  scheduler_->run(request);
  if (request.error) std::rethrow_exception(request.error);
}

void Engine::run_async(std::shared_ptr<BoundCall> call, BoundCallback done) {
  callbacks_.start();
  BoundCall* const bound = call.get();  // the callback keeps it
  const auto task = std::make_shared<CallbackTask>(
      callbacks_, [call = std::move(call), done = std::move(done)](std::vector<Tensor>, std::exception_ptr error) {
        done(error ? std::vector<Value>{} : call->results(), std::move(error));
      });
  task->bound = bound;
  task->engine = weak_from_this();
  task->bounded = !callbacks_.on_callback_thread();
  scheduler_->submit(*task, Scheduler::IfFull::wait);
}

}  // namespace ez_rknn
