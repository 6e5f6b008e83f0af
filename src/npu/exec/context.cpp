#include <chrono>
#include <cstdlib>
#include <new>
#include <optional>

#include "ez_rknn/error.hpp"
#include "npu/exec/cores.hpp"
#include "npu/exec/loaded.hpp"
#include "npu/kernels/share.hpp"

namespace ez_rknn::npu {
namespace {

/// Zeroed bytes on a cache line, with as much behind them (kernels::kReadBehind). Fresh pages come zeroed from the
/// system and cost nothing until they are touched.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::size_t bytes) {
    if (bytes == 0) return;
    block_.reset(static_cast<std::byte*>(std::calloc(bytes + plan::kAlign + kernels::kReadBehind, 1)));
    if (!block_) throw Error(Code::fail, "out of memory: " + std::to_string(bytes) + " bytes for tensors");
    const auto address = reinterpret_cast<std::uintptr_t>(block_.get());
    data_ = block_.get() + (plan::align_up(address) - address);
    size_ = bytes;
  }
  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> block_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

using Clock = std::chrono::steady_clock;

class ContextImpl final : public Context {
 public:
  explicit ContextImpl(std::shared_ptr<const Loaded> program) : program_(std::move(program)) { prepare(); }

  const Program& program() const override { return *program_; }
  int graph() const override { return graph_; }

  void select_graph(int g) override {
    if (g < 0 || g >= program_->graph_count())
      throw InvalidArgument("graph " + std::to_string(g) + " of " + std::to_string(program_->graph_count()));
    if (g == graph_) return;
    graph_ = g;
    prepare();
  }

  TensorView input(int i) override {
    const plan::Slot& slot = *plan().inputs.at(std::size_t(i));
    return batched(TensorView{interface(slot), slot.dtype, slot.shape, slot.strides, slot.quant}, slot);
  }
  ConstTensorView output(int i) const override {
    const plan::Slot& slot = *plan().outputs.at(std::size_t(i));
    if (slot.constant) return slot.view({});
    return batched(ConstTensorView{interface(slot), slot.dtype, slot.shape, slot.strides, slot.quant}, slot);
  }

  void run(unsigned core_mask) override {
    const auto begin = Clock::now();
    const auto lease = Cores::instance().acquire(core_mask, program_->chip().cores);
    if (collect_) times_.clear();
    std::optional<Team::Watch> watch;
    if (plan().shared_work >= kernels::kWorthWatching) watch.emplace(lease.team());
    for (std::int64_t sample = 0; sample < batch(); ++sample) {
      for (std::size_t s = 0; s < bases_.size(); ++s) {
        const auto& storage = plan().storages[s];
        bases_[s] = storage.external ? outside_.data() + places_[s] + std::size_t(sample) * pitch(storage)
                                     : arena_.data() + storage.offset;
      }
      const plan::RunState state{
          bases_, lease.team(), {scratch_.data(), scratch_.size()}, custom_, observer_ != nullptr};
      run_steps(state);
    }
    last_run_us_ = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
  }

  void register_custom(const std::string& type, CustomOperator f) override { custom_[type] = std::move(f); }
  void observe(TensorObserver observer) override { observer_ = std::move(observer); }
  void collect_times(bool on) override {
    collect_ = on;
    if (!on) times_.clear();
  }
  std::vector<LayerTime> layer_times() const override { return times_; }
  std::int64_t last_run_us() const override { return last_run_us_; }

 private:
  const plan::GraphPlan& plan() const { return program_->plan(graph_); }
  std::int64_t batch() const { return program_->model().batch; }

  /// Bytes from one sample's tensor to the next in an interface of several: no gap, so that the batch is one view.
  static std::size_t pitch(const plan::Storage& s) { return s.bytes; }

  void prepare() {
    const auto& p = plan();
    bases_.assign(p.storages.size(), nullptr);
    places_.assign(p.storages.size(), 0);
    std::size_t outside = 0, scratch = 0;
    for (std::size_t s = 0; s < p.storages.size(); ++s) {
      if (!p.storages[s].external) continue;
      places_[s] = outside;
      outside = plan::align_up(outside + pitch(p.storages[s]) * std::size_t(batch()));
    }
    for (const auto& step : p.steps) scratch = std::max(scratch, step->scratch_bytes(Cores::instance().most_threads()));
    outside_ = Memory(outside), arena_ = Memory(p.arena_bytes), scratch_ = Memory(scratch);
    times_.clear();
  }

  std::byte* interface(const plan::Slot& slot) const {
    return outside_.data() + places_[std::size_t(slot.storage)] + slot.offset;
  }

  /// Extends a sample's view over the batch: the first dimension counts all samples' images.
  template <class View>
  View batched(View view, const plan::Slot& slot) const {
    if (batch() == 1 || view.shape.rank() == 0) return view;
    const auto elements = std::int64_t(pitch(plan().storages[std::size_t(slot.storage)]) / size_of(view.dtype));
    view.strides[0] = elements / view.shape[0];
    view.shape[0] *= batch();
    return view;
  }

  void run_steps(const plan::RunState& state) {
    const auto& steps = plan().steps;
    if (!collect_ && !observer_) {
      for (const auto& step : steps) step->run(state);
      return;
    }
    show(0, state.bases);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto begin = Clock::now();
      steps[i]->run(state);
      const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
      if (collect_) record(*steps[i], std::uint64_t(took));
      show(i + 1, state.bases);
    }
  }

  void show(std::size_t result, plan::Bases bases) const {
    if (!observer_) return;
    for (const plan::Slot* slot : plan().results[result])
      observer_(plan().graph->tensors[std::size_t(slot->tensor)], slot->view(bases));
  }

  /// Several steps of a node, and the samples of a batch, count as one layer.
  void record(const plan::Step& step, std::uint64_t nanoseconds) {
    for (auto& t : times_)
      if (t.node == &step.node) {
        t.nanoseconds += nanoseconds, t.macs += step.macs();
        return;
      }
    times_.push_back({&step.node, nanoseconds, step.macs(), step.kernel()});
  }

  const std::shared_ptr<const Loaded> program_;
  int graph_ = 0;
  Memory outside_, arena_, scratch_;
  std::vector<std::byte*> bases_;    ///< by storage, for the sample being run
  std::vector<std::size_t> places_;  ///< of external storages in outside_
  plan::CustomCalls custom_;
  TensorObserver observer_;
  bool collect_ = false;
  std::vector<LayerTime> times_;
  std::int64_t last_run_us_ = 0;
};

}  // namespace

std::unique_ptr<Context> Context::create(std::shared_ptr<const Program> program) {
  auto loaded = std::dynamic_pointer_cast<const Loaded>(program);
  if (!loaded) throw InvalidArgument("a context needs a program made by Program::load");
  return std::make_unique<ContextImpl>(std::move(loaded));
}

}  // namespace ez_rknn::npu
