#pragma once
/// Binding a session's inputs and outputs to values once, and running as often as wanted.
///
///   ez_rknn::IoBinding binding(session);
///   binding.bind_input("images", ez_rknn::Value::for_port(session, ez_rknn::IoKind::input, "images"));
///   binding.bind_output("scores", ez_rknn::Device::cpu);
///   session.run(binding);
///   ez_rknn::Tensor scores = binding.outputs()[0].read();
///
/// Bound runs are tasks like all others: they take tickets, follow the schedule, can be queued and may mix with normal
/// runs, which use contexts of their own. rknn_set_io_mem is called only for what changed since the context's last
/// bound run. Device memory whose layout the model takes is used in place; anything else is copied and converted.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ez_rknn/value.hpp"

namespace ez_rknn {

class IoBinding {
 public:
  struct State;
  /// The session may be closed or destroyed before the binding.
  explicit IoBinding(const Session& session);

  /// Real values of any type run() takes, or the model's own type with its own numbers.
  /// @throws InvalidArgument (no such input; the shape is none the model takes), InvalidType
  void bind_input(const std::string& name, Value value);
  /// Results go into `value`: the model's own type, or float32 for real values.
  void bind_output(const std::string& name, Value value);
  /// A fresh host value each run, or one device value for all. @param type  the model's own, unless given
  void bind_output(const std::string& name, Device device, std::optional<ElementType> type = {});
  void clear_inputs();
  void clear_outputs();

  /// Of the bound run that ended last, in the order of binding. Empty before the first.
  std::vector<Value> outputs() const;
  std::vector<std::string> output_names() const;
  void sync_inputs() const;
  void sync_outputs() const;

  const std::shared_ptr<State>& state() const { return state_; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace ez_rknn
