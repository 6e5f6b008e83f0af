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
  delivery_.start();
  auto request = spare_request();
  request->bound = call.get();
  request->done = [call = std::move(call), done = std::move(done)](std::vector<Tensor>, std::exception_ptr error) {
    done(error ? std::vector<Value>{} : call->results(), std::move(error));
  };
  request->delivery = &delivery_;
  scheduler_->submit(*request);
  static_cast<void>(request.release());  // the delivery's until recycle()
}

}  // namespace ez_rknn
