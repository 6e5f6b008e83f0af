#include "core/log.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>

#include "core/global_mutex.hpp"

namespace ez_rknn::log {
namespace {

int level_from_environment() {
  const char* text = std::getenv("RKNN_LOG_LEVEL");
  if (!text || !*text) return static_cast<int>(Level::warning);
  const long v = std::strtol(text, nullptr, 10);
  return v < 0 ? 0 : v > 3 ? 3 : static_cast<int>(v);
}

std::atomic<int>& level() {
  static std::atomic<int> value{level_from_environment()};
  return value;
}

struct Sink {
  GlobalMutex mutex;
  std::function<void(Level, const std::string&)> function;
};

Sink& sink() {
  static Sink* s = new Sink;  // never destroyed: threads may log while the process ends
  return *s;
}

}  // namespace

Level threshold() { return static_cast<Level>(level().load(std::memory_order_relaxed)); }
void set_threshold(Level l) { level().store(static_cast<int>(l), std::memory_order_relaxed); }

void set_sink(std::function<void(Level, const std::string&)> function) {
  std::lock_guard lock(sink().mutex);
  sink().function = std::move(function);
}

void write(Level l, const std::string& text) {
  if (l > threshold()) return;
  std::function<void(Level, const std::string&)> function;
  {
    std::lock_guard lock(sink().mutex);
    function = sink().function;
  }
  if (function) return function(l, text);
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm t{};
  localtime_r(&seconds, &t);
  std::fprintf(stderr, "%c RKNN: [%02d:%02d:%02d.%03d] %s\n", "EWID"[static_cast<int>(l)], t.tm_hour, t.tm_min,
               t.tm_sec, static_cast<int>(ms), text.c_str());
}

}  // namespace ez_rknn::log
