#pragma once
/// What other threads bring about sooner or later.
#include <chrono>
#include <thread>

/// Waits until `f()` holds, a minute and more. It may hold for a moment only: once seen, it is not asked again.
template <class F>
bool becomes(F&& f) {
  for (int i = 0; i < 60'000; ++i) {
    if (f()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}
