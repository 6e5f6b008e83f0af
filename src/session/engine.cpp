#include "session/engine.hpp"

#include <algorithm>

#include "core/log.hpp"
#include "ez_rknn/error.hpp"
#include "session/context_source.hpp"
#include "session/custom_ops.hpp"
#include "session/fork.hpp"
#include "session/live_engines.hpp"
#include "session/runtime_choice.hpp"
#include "session/workers.hpp"

namespace ez_rknn {
namespace {

constexpr int kPipelineDepth = 3;  // run_pipeline says another where it wants one
constexpr std::size_t kSpare = 8;  // buffers of a size kept for reuse
constexpr std::chrono::hours kForever{24 * 365 * 20};
constexpr std::chrono::seconds kLastCallbacks{1};  // for outcomes that were decided when the time was up

std::shared_ptr<CustomOps> load_custom_ops(const RuntimeLibrary& library, const SessionOptions& options,
                                           std::vector<std::string>& warnings) {
  auto ops = std::make_shared<CustomOps>();
  for (const std::string& path : options.custom_op_paths) ops->load(library, path);
  if (options.load_custom_ops_from_default_path) ops->load_default_folder(library, warnings);
  if (!ops->empty()) warnings.push_back("custom operators: every worker initialises the model on its own (no dup)");
  return ops;
}

std::uint32_t init_flags(const SessionOptions& options) {
  return static_cast<std::uint32_t>(options.priority) | (options.collect_perf ? RKNN_FLAG_COLLECT_PERF_MASK : 0);
}

}  // namespace

Engine::Engine(SessionOptions options)
    : options_(std::move(options)),
      born_in_(fork_generation()),
      buffers_(std::make_shared<BufferPool>(kSpare)),
      callbacks_("EzRknn_Callback", options_.sequential_callbacks,
                 {.around_batch = options_.around_callbacks, .room = [this] { scheduler_->room(); }, .trace = &trace_}),
      completions_("EzRknn_Done", false, {.around_batch = options_.around_callbacks, .room = {}, .trace = &trace_}) {}

/// Contexts and masks first, threads last: whatever fails on the way leaves nothing behind.
std::shared_ptr<Engine> Engine::load(const ModelSource& source, const SessionOptions& given,
                                     const std::shared_ptr<Engine>& weights_from) {
  validate(given);
  source.check_header();
  std::shared_ptr<Context> master;
  if (weights_from) {
    if (!given.custom_op_paths.empty() || given.load_custom_ops_from_default_path)
      throw InvalidArgument("use_weight_from cannot be combined with custom operators");
    master = weights_from->open_context();
  }
  SessionOptions kept = given;
  kept.on_warning = nullptr;                                       // of loading only: let go of what it holds
  for (auto* limit : {&kept.submit_timeout, &kept.close_timeout})  // so that a time from now on is a time
    *limit = std::min<std::chrono::milliseconds>(*limit, kForever);
  std::shared_ptr<Engine> engine(new Engine(std::move(kept)), &Engine::dispose);
  const SessionOptions& options = engine->options_;
  engine->library_ = master ? master->shared_library() : choose_runtime(options.runtime);
  std::vector<std::string> warnings;
  const std::uint32_t flags = init_flags(options);
  auto first = Context::create(engine->library_, source, master, flags);
  engine->model_ = read_model_info(*first, options);
  if (is_older_than_the_interface(engine->model_.runtime_version))
    warnings.push_back(engine->library_->path() + " is version " + engine->model_.runtime_version +
                       "; the structs it uses are known from 1.4.0 on, results may be wrong");

  const auto ops = load_custom_ops(*engine->library_, options, warnings);
  const auto more = std::make_shared<ContextSource>(source, options, master, ops);
  auto plan = plan_workers(first, [&] { return more->beside(*first, source); }, options);
  warnings.insert(warnings.end(), plan.warnings.begin(), plan.warnings.end());

  if (options.collect_perf) engine->perf_detail_ = std::make_shared<PerfDetail>();
  std::vector<Scheduler::Worker> workers;
  for (WorkerContext& w : plan.workers) {
    ops->register_with(*w.context);
    w.context->keep(ops);
    auto executor = std::make_unique<Executor>(std::move(w.context), engine->model_, engine->buffers_, more);
    executor->set_core(w.core);
    executor->set_perf_detail(engine->perf_detail_);
    workers.push_back({std::move(executor), w.lane, w.core});
  }
  engine->first_context_ = std::move(first);
  engine->scheduler_ = std::make_unique<Scheduler>(std::move(workers), std::move(plan.lane_of), options,
                                                   engine->callbacks_, engine->trace_);
  engine->pipeline_.emplace(std::weak_ptr(engine), kPipelineDepth, RunOptions{});
  remember(engine);
  for (const std::string& text : warnings) given.on_warning ? given.on_warning(text) : log::warning(text);
  return engine;
}

Engine::~Engine() { close_within(std::nullopt, kForever); }

std::shared_ptr<Context> Engine::open_context() const {
  std::lock_guard lock(mutex_);
  if (!first_context_) throw Closed("the session is closed");
  return first_context_;
}

std::string Engine::perf_detail() const {
  if (!perf_detail_) throw InvalidArgument("the session was made without the option collect_perf; accepted: with it");
  return perf_detail_->text();
}

Statistics Engine::stats() const {
  Statistics s;
  scheduler_->add_to(s);
  const std::uint64_t ended = s.completed + s.failed + s.cancelled + s.timed_out;
  s.undelivered = std::min<std::uint64_t>(ended, callbacks_.undelivered() + completions_.undelivered());
  s.delivered = ended - s.undelivered;
  return s;
}

void Engine::begin_close() {
  if (!scheduler_ || fork_generation() != born_in_) return;
  scheduler_->begin_close();
  callbacks_.begin_close();
  completions_.begin_close();
}

bool Engine::close(std::optional<std::chrono::nanoseconds> limit) {
  if (limit && limit->count() < 0)
    throw InvalidArgument("close: a time limit of " + std::to_string(limit->count()) +
                          " ns given; accepted: from 0 on");
  std::optional<Clock::time_point> until;
  if (limit) until = Clock::now() + std::min<std::chrono::nanoseconds>(*limit, kForever);
  return close_within(until, options_.close_timeout);
}

bool Engine::close_within(std::optional<Clock::time_point> until, std::chrono::nanoseconds stall) {
  if (!scheduler_ || fork_generation() != born_in_) return true;
  begin_close();
  if (on_own_thread()) return false;  // cannot wait for itself
  bool ended = scheduler_->drain(until, stall);
  if (!ended) {
    const auto busy = scheduler_->give_up();
    if (!given_up_.exchange(true))
      log::error("a session was closed while the runtime did not return from " + std::to_string(busy) +
                 " task(s): their contexts and threads are left to it until it does");
    until = Clock::now() + kLastCallbacks;
  }
  ended &= callbacks_.drain(until);
  ended &= completions_.drain(until);
  if (!ended) return given_up_ = true, false;
  std::lock_guard closing(close_mutex_);
  scheduler_->close();
  callbacks_.close();
  completions_.close();
  try {
    trace_.finish();
  } catch (const Error& e) { log::error(e.what()); }
  std::lock_guard lock(mutex_);
  first_context_.reset();
  given_up_ = false;
  return true;
}

}  // namespace ez_rknn
