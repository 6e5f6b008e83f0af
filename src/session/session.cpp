#include "ez_rknn/session.hpp"

#include "session/bound_call.hpp"
#include "session/engine.hpp"

namespace ez_rknn {
namespace {

std::shared_ptr<Engine> load(const ModelSource& source, const SessionOptions& options, const Session* weights_from) {
  return Engine::load(source, options, weights_from ? SessionAccess::engine(*weights_from) : nullptr);
}

}  // namespace

Session::Session(const std::string& path, const SessionOptions& options, const Session* weights_from)
    : engine_(load(ModelSource::from_file(path), options, weights_from)) {}
Session::Session(std::span<const std::byte> model, const SessionOptions& options, const Session* weights_from)
    : engine_(load(ModelSource::from_memory(model), options, weights_from)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&& other) noexcept {
  if (this != &other) {
    Engine::retire(std::move(engine_));
    engine_ = std::move(other.engine_);
  }
  return *this;
}
Session::~Session() { Engine::retire(std::move(engine_)); }

const std::vector<TensorInfo>& Session::inputs() const { return engine_->model().inputs; }
const std::vector<TensorInfo>& Session::outputs() const { return engine_->model().outputs; }
const std::vector<TensorInfo>& Session::native_inputs() const { return engine_->model().native_inputs; }
const std::vector<TensorInfo>& Session::native_outputs() const { return engine_->model().native_outputs; }
const std::string& Session::custom_string() const { return engine_->model().custom_string; }
const std::string& Session::runtime_version() const { return engine_->model().runtime_version; }
const std::string& Session::driver_version() const { return engine_->model().driver_version; }
const MemoryInfo& Session::memory() const { return engine_->model().memory; }
std::string Session::perf_detail() const { return engine_->perf_detail(); }
const std::string& Session::runtime_path() const { return engine_->library().path(); }
bool Session::is_software() const { return engine_->library().is_software(); }

std::vector<Tensor> Session::run(std::span<const InputView> inputs, const RunOptions& options) {
  return engine_->run(inputs, options);
}
std::vector<Tensor> Session::run_batch(std::span<const InputView> inputs, const RunOptions& options) {
  return engine_->run_batch(inputs, options);
}
void Session::run_async(std::span<const InputView> inputs, Callback done, const RunOptions& options) {
  engine_->run_async(inputs, std::move(done), options);
}
Future Session::submit(std::span<const InputView> inputs, const RunOptions& options) {
  return engine_->submit(inputs, options);
}
TaskHandle Session::post(std::span<const InputView> inputs, Callback done, const RunOptions& options, IfFull if_full) {
  return engine_->post(inputs, std::move(done), options, if_full);
}
std::optional<std::vector<Tensor>> Session::run_pipeline(std::span<const InputView> inputs, int depth, bool reset) {
  return engine_->run_pipeline(inputs, depth, reset);
}
void Session::run(IoBinding& binding, const RunOptions& options) {
  engine_->run(make_call(binding.state(), *engine_), options);
}
void Session::run_async(IoBinding& binding, std::function<void(std::vector<Value>, std::exception_ptr)> done,
                        const RunOptions& options) {
  engine_->run_async(make_call(binding.state(), *engine_), std::move(done), options);
}
bool Session::close(std::optional<std::chrono::nanoseconds> limit) { return engine_->close(limit); }
void Session::warm_up(int runs) { engine_->warm_up(runs); }
Statistics Session::stats() const { return engine_->stats(); }
std::size_t Session::workers() const { return engine_->workers(); }
void Session::start_profiling(const std::string& prefix) { engine_->start_profiling(prefix); }
std::string Session::end_profiling() { return engine_->end_profiling(); }
std::int64_t Session::profiling_start_ns() const { return engine_->profiling_start_ns(); }

}  // namespace ez_rknn
