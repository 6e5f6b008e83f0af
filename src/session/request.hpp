#pragma once
/// One task on its way through the engine.
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "ez_rknn/session.hpp"
#include "session/buffer_pool.hpp"

namespace ez_rknn {

/// A caller that waits for one or more requests. Guarded by the scheduler's mutex, which outlives the wait; so the
/// waiter may vanish the moment it sees zero.
struct Waiter {
  std::condition_variable wake;
  std::size_t remaining = 0;
};

struct BoundCall;

struct Request {
  BoundCall* bound = nullptr;  ///< a bound run: inputs and outputs lie there, and nothing of what follows is used

  // What is asked. Checked against the model before the request is made.
  std::span<const InputView> inputs;
  std::span<const int> outputs;  ///< empty: all
  OutputType output_type = OutputType::float32;
  std::size_t shape_set = 0;  ///< which combination of input shapes; 0 for a static model

  // What is given. A tensor that already has a buffer is written in place (a slice of a batch).
  std::span<Tensor> results;
  std::exception_ptr error;

  std::uint64_t ticket = 0;
  Waiter* waiter = nullptr;  ///< null: `finished` takes over

  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  virtual ~Request() = default;
  /// Called once by the thread that executed it, no lock held, when there is no waiter. The request may be gone after.
  virtual void finished() noexcept {}
};

/// A request that outlives the call that made it: it owns what it needs.
struct OwningRequest : Request {
  std::vector<InputView> own_inputs;
  std::vector<Buffer> input_data;
  std::vector<int> own_outputs;
  std::vector<Tensor> own_results;

  /// Copies the call.
  void hold(std::span<const InputView> in, std::span<const int> out, std::size_t result_count, BufferPool& buffers);
  /// The inputs have been used: their memory goes back before the results are delivered.
  void drop_inputs() noexcept { input_data.clear(); }
};

}  // namespace ez_rknn
