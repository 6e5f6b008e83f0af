#pragma once
/// Messages to the user. Level and format follow what users of the vendor's library know: RKNN_LOG_LEVEL 0 errors, 1
/// and warnings, 2 and hints, 3 and debug; lines read "W RKNN: [HH:MM:SS.mmm] text" on standard error unless a sink is
/// set.
#include <functional>
#include <string>

namespace ez_rknn::log {

enum class Level { none = -1, error = 0, warning = 1, info = 2, debug = 3 };

/// What is shown: this and worse. From RKNN_LOG_LEVEL, read once; default: warnings.
Level threshold();
void set_threshold(Level level);
/// Replace standard error; an empty function restores it. Safe from any thread; the sink may be called from any thread.
void set_sink(std::function<void(Level, const std::string&)> sink);
void write(Level level, const std::string& text);

inline void error(const std::string& text) { write(Level::error, text); }
inline void warning(const std::string& text) { write(Level::warning, text); }
inline void info(const std::string& text) { write(Level::info, text); }

}  // namespace ez_rknn::log
