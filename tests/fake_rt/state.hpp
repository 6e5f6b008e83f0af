#pragma once
/// What the fake runtime remembers: contexts, memory, calls.
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "abi/rknn.h"
#include "script.hpp"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace fake {

/// What rknn_set_io_mem said about one input or output.
struct IoMemory {
  rknn_tensor_mem* memory = nullptr;
  rknn_tensor_attr attr{};
};

struct FakeContext {
  Script script;
  std::uint32_t mask = 0;
  std::vector<double> input;                ///< input 0, in the model's own order
  std::vector<std::vector<std::byte>> raw;  ///< every input, with copy=1
  std::map<std::string, IoMemory> io;       ///< by name
  bool copied = false;                      ///< rknn_inputs_set was called
  std::atomic_flag busy;
};

/// Calls are noted up to here and counted for ever: a long run is to measure the engine, not its own notes.
constexpr std::size_t kTraceBytes = 1 << 16;

struct State {
  std::mutex mutex;
  std::string script;
  std::map<rknn_context, std::shared_ptr<FakeContext>> contexts;
  std::map<const rknn_tensor_mem*, rknn_context> memory;  ///< and the context it was made in
  rknn_context next = 1;
  std::map<std::string, int> calls;
  std::string trace;
  std::mt19937 random{1};
  bool released = false;  ///< what the script holds
  std::condition_variable release;
  State() {
    const char* text = std::getenv("EZ_FAKE_RT");
    script = text ? text : "";
  }
};
inline State& state() {
  static State* s = new State;
  // A child must not be born with the mutex held by a thread it does not have.
  static const int watching =
      pthread_atfork([] { s->mutex.lock(); }, [] { s->mutex.unlock(); }, [] { s->mutex.unlock(); });
  static_cast<void>(watching);
  return *s;
}

[[noreturn]] inline void misuse(const char* what) {
  std::fprintf(stderr, "fake runtime: misuse: %s\n", what);
  std::abort();
}

/// Counts and notes the call; the code it is scripted to fail with, or 0.
inline int enter(const char* function, const Script& script, std::uint64_t detail = 0) {
  std::lock_guard lock(state().mutex);
  const int count = ++state().calls[function];
  if (state().trace.size() < kTraceBytes) {
    state().trace += function;
    if (detail) state().trace.append(":").append(std::to_string(detail));
    state().trace += ' ';
  }
  for (const auto& f : script.failures)
    if (f.function == function && (f.nth == 0 || f.nth == count)) return f.code;
  return 0;
}

class Use {
 public:
  explicit Use(rknn_context handle) {
    std::lock_guard lock(state().mutex);
    const auto found = state().contexts.find(handle);
    if (found == state().contexts.end()) misuse("no such context");
    context = found->second;
    if (context->busy.test_and_set()) misuse("one context used by two threads at once");
  }
  ~Use() { context->busy.clear(); }
  FakeContext* operator->() const { return context.get(); }
  std::shared_ptr<FakeContext> context;
};

inline std::uint32_t elements_of(const std::vector<std::uint32_t>& dims) {
  std::uint32_t n = 1;
  for (auto d : dims) n *= d;
  return n;
}

inline bool is_quantised(int type) {
  return type >= static_cast<int>(RKNN_TENSOR_INT8) && type <= static_cast<int>(RKNN_TENSOR_UINT16);
}

/// memory.cpp: input 0 out of the memory bound to it, if any; outputs into theirs.
void read_io_memory(FakeContext& context);
void write_io_memory(FakeContext& context);
/// Element k of an output of this context, in real values.
inline double result(const FakeContext& c, std::size_t k) {
  if (c.script.compute_core) return c.mask;
  return c.script.a * (c.input.empty() ? 0.0 : c.input[k % c.input.size()]) + c.script.b;
}

}  // namespace fake
