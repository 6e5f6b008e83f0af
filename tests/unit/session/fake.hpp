#pragma once
/// Access to the fake runtime from the test's side, and sessions that use it.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "ez_rknn/session.hpp"
#include "places.hpp"

namespace fake {

using namespace ez_rknn;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Runtime {
 public:
  static Runtime& get() {
    static Runtime r;
    return r;
  }
  void script(const std::string& text) { script_(text.c_str()); }
  /// Lets go of what the script holds.
  void release() { release_(); }
  int live_contexts() { return live_(); }
  int live_memory() { return live_memory_(); }
  int calls(const char* function) { return calls_(function); }
  std::string trace() { return trace_(); }

 private:
  Runtime() {
    void* handle = dlopen(places::fake_runtime, RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(handle, dlerror());
    script_ = reinterpret_cast<void (*)(const char*)>(dlsym(handle, "fake_rknnrt_script"));
    release_ = reinterpret_cast<void (*)()>(dlsym(handle, "fake_rknnrt_release"));
    live_ = reinterpret_cast<int (*)()>(dlsym(handle, "fake_rknnrt_live_contexts"));
    live_memory_ = reinterpret_cast<int (*)()>(dlsym(handle, "fake_rknnrt_live_memory"));
    calls_ = reinterpret_cast<int (*)(const char*)>(dlsym(handle, "fake_rknnrt_calls"));
    trace_ = reinterpret_cast<const char* (*)()>(dlsym(handle, "fake_rknnrt_trace"));
  }
  void (*script_)(const char*);
  void (*release_)();
  int (*live_)();
  int (*live_memory_)();
  int (*calls_)(const char*);
  const char* (*trace_)();
};

inline std::vector<std::byte> model_bytes() {
  std::vector<std::byte> bytes(64);
  for (int i = 0; i < 4; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::byte>("RKNN"[i]);
  return bytes;
}

inline Session open(const std::string& script, SessionOptions options = {}, const Session* weights = nullptr) {
  Runtime::get().script(script);
  if (options.runtime.empty()) options.runtime = places::fake_runtime;
  const auto bytes = model_bytes();
  return Session(bytes, options, weights);
}

/// A [1, 4] float32 input whose first element is `first`.
struct Input {
  float values[4];
  InputView view;
  explicit Input(float first) : values{first, 1, 2, 3}, view{values, ElementType::float32, {1, 4}} {}
  operator std::span<const InputView>() const { return {&view, 1}; }
};

inline float first_of(const std::vector<Tensor>& results) { return results.at(0).as<float>()[0]; }

inline double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Waits up to ten seconds.
template <class F>
bool eventually(F&& condition) {
  for (const auto end = Clock::now() + 10s; Clock::now() < end; std::this_thread::sleep_for(1ms))
    if (condition()) return true;
  return condition();
}

inline int entries(const char* folder) {
  int n = 0;
  for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator(folder)) ++n;
  return n;
}
inline int thread_count() { return entries("/proc/self/task"); }
/// The same once it stays so for a moment: what earlier tests left to a runtime may still be ending.
inline int settled_thread_count() {
  int threads = thread_count();
  for (int same = 0; same < 10; ++same) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (const int now = thread_count(); now != threads) threads = now, same = 0;
  }
  return threads;
}

/// A call that may take so long.
inline RunOptions limited(std::chrono::nanoseconds timeout) {
  RunOptions options;
  options.timeout = timeout;
  return options;
}

}  // namespace fake
