#pragma once
/// One bound run: a snapshot of a binding, so that the binding may change while the run waits its turn.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ez_rknn/binding.hpp"
#include "session/model_info.hpp"
#include "session/value_state.hpp"

namespace ez_rknn {

class Engine;
using ValueState = std::shared_ptr<Value::State>;

struct BoundOutput {
  ValueState value;  ///< null: a fresh host value of `type`, if wanted
  ElementType type = ElementType::float32;
  bool wanted = false;
};

struct BoundCall {
  std::vector<ValueState> inputs;    ///< one per input of the model
  std::vector<BoundOutput> outputs;  ///< one per output; fresh values are filled in by the run
  std::vector<std::size_t> order;    ///< of binding
  std::size_t shape_set = 0;

  std::weak_ptr<IoBinding::State> binding;  ///< learns the results
  std::uint64_t number = 0;                 ///< of the binding's runs

  std::vector<Value> results() const;
};

struct IoBinding::State {
  explicit State(std::shared_ptr<Engine> e);

  /// Kept for its model's facts; a session that is closed stays closed.
  const std::shared_ptr<Engine> engine;

  mutable std::mutex mutex;  ///< guards what follows
  std::vector<ValueState> inputs;
  std::vector<BoundOutput> outputs;
  std::vector<std::size_t> order;  ///< outputs, as they were bound
  std::uint64_t runs = 0, last_published = 0;
  std::vector<Value> results;
};

/// @throws InvalidArgument: an input is not bound, or has no shape the model takes; a binding of another session
std::shared_ptr<BoundCall> make_call(const std::shared_ptr<IoBinding::State>& binding, const Engine& engine);
/// The run has ended well: its results are the binding's, unless a later run's already are.
void publish(const BoundCall& call);

}  // namespace ez_rknn
